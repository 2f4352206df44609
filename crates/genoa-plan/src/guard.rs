//! A cheap look at the tokens before parsing, so that no source can exhaust the parser's stack.
//!
//! The parser recurses for brackets, prefix operators and indentation, and its tree is as deep as the longest chain of
//! operators, because a chain nests to the left. All of these are counted here on the token stream, without recursion.

use genoa_abi::limits::{PLAN_BYTES, PLAN_DEPTH};
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// Operators and brackets on the way to one token, over all bracket levels that are open there.
const CHAIN_TOKENS: usize = PLAN_DEPTH * 3;

/// What is too deep or too large, and where.
pub(crate) struct TooDeep {
    pub(crate) line: u32,
    pub(crate) message: String,
}

/// Refuses a source that is too long, nests too deep, or chains too many operators.
pub(crate) fn guard(source: &str) -> Result<(), TooDeep> {
    if source.len() > PLAN_BYTES {
        let message = format!("the plan is longer than {PLAN_BYTES} bytes");
        return Err(TooDeep { line: 1, message });
    }
    let mut tokens = lexer::lex(source, Mode::Module);
    let mut levels = vec![Level { chain: 0, is_text: false }];
    let mut indentation = 0_usize;
    let mut branches = 0_usize;
    let mut line = 1;
    loop {
        let kind = tokens.next_token();
        match kind {
            TokenKind::EndOfFile => return Ok(()),
            TokenKind::Indent => indentation += 1,
            TokenKind::Dedent => indentation = indentation.saturating_sub(1),
            TokenKind::Elif => branches += 1,
            TokenKind::If | TokenKind::For => branches = 0,
            TokenKind::Newline | TokenKind::NonLogicalNewline => line += 1,
            _ => {}
        }
        count(&mut levels, kind);
        let chain: usize = levels.iter().map(|level| level.chain).sum();
        if levels.len() > PLAN_DEPTH || chain > CHAIN_TOKENS || indentation > PLAN_DEPTH || branches > PLAN_DEPTH {
            let message = "this nests too deep: give the inner part a name on a line of its own".to_owned();
            return Err(TooDeep { line, message });
        }
    }
}

/// An open bracket: how many operators stand in it since the last separator.
struct Level {
    chain: usize,
    is_text: bool,
}

fn count(levels: &mut Vec<Level>, kind: TokenKind) {
    let Some(top) = levels.last_mut() else { return };
    match kind {
        TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace | TokenKind::FStringStart | TokenKind::TStringStart => {
            // The values of one f-string stand side by side.
            top.chain += usize::from(!top.is_text);
            levels.push(Level { chain: 0, is_text: matches!(kind, TokenKind::FStringStart | TokenKind::TStringStart) });
        }
        TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
            if levels.len() > 1 {
                levels.pop();
            }
        }
        TokenKind::Comma | TokenKind::Newline | TokenKind::Semi | TokenKind::Equal => top.chain = 0,
        TokenKind::Name
        | TokenKind::Int
        | TokenKind::Float
        | TokenKind::String
        | TokenKind::FStringMiddle
        | TokenKind::TStringMiddle
        | TokenKind::Comment
        | TokenKind::NonLogicalNewline
        | TokenKind::Indent
        | TokenKind::Dedent => {}
        _ => top.chain += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::guard;

    #[test]
    fn ordinary_plans_pass() {
        let source = "for m in mails:\n    if m.subject == \"(((((((((((((((((((((((((((((((((((((((((((((((\":\n        say(f\"{m.subject} {m.date}\")\n";
        assert!(guard(source).is_ok());
        let wide = format!("x = [{}]", "1, ".repeat(2000));
        assert!(guard(&wide).is_ok());
    }

    #[test]
    fn what_would_exhaust_the_stack_is_refused() {
        for (open, times) in [
            ("(", 5000),
            ("[", 60),
            ("not ", 200),
            ("-", 3000),
            ("f\"{", 60),
            ("a.", 5000),
            ("1+", 5000),
            ("lambda: ", 900),
        ] {
            assert!(guard(&format!("x = {}1", open.repeat(times))).is_err(), "{open}");
        }
        assert!(guard(&format!("x = f{}", "()".repeat(5000))).is_err());
        let nested: String = (0..40).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
        assert!(guard(&nested).is_err());
        assert!(guard(&"x".repeat(70_000)).is_err());
        assert!(guard(&format!("if x:\n    y(1)\n{}", "elif x:\n    y(1)\n".repeat(500))).is_err());
    }
}
