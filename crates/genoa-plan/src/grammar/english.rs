//! Words of requests, and what they are. All lists are in lower case, with blanks between the words.

use crate::time::is_calendar_word;

/// Whether a word stands in a list of words.
pub(super) fn is_among(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// A word without punctuation around it and without a genitive.
pub(super) fn bare(word: &str) -> &str {
    let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    word.strip_suffix("'s").or(word.strip_suffix("’s")).unwrap_or(word)
}

pub(super) fn is_capitalised(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

pub(super) fn is_name(word: &str) -> bool {
    let lower = word.to_lowercase();
    let has_letters = lower.chars().filter(|letter| letter.is_alphabetic()).count() >= 2;
    // A request begins with a verb in capitals.
    let is_common = [COMMON, ACTING, TELLING, BEGINNING].iter().any(|list| is_among(list, &lower));
    has_letters && !is_common && !is_calendar_word(&lower) && !word.contains('/')
}

/// Whether a verb, in lower case, asks to be told something.
pub(super) fn is_verb_of_telling(word: &str) -> bool {
    is_among(TELLING, word)
}

/// Whether a verb, in lower case, asks for something to be done.
pub(super) fn is_verb_of_doing(word: &str) -> bool {
    is_among(ACTING, word) || is_among(BEGINNING, word)
}

/// Words of requests that are nobody's name.
pub(super) const COMMON: &str = "a about after all also am an and any answer are as ask at be before begin begins bring but by call can cancel \
    change come comes contact could create delete did do does draft email event every everybody everyone find for forward \
    from get give has have he hello her him his how i if in into invite is it its know last let letter line list mail make \
    me meeting message move my new no not of on or our out please prepare put read remind reply say says schedule see send \
    sent set shall she should show tell that the their them then there they this to today tomorrow unread up us was we \
    what when where which who whom will with word would write wrote yes yesterday you your";

/// More verbs that requests begin with.
pub(super) const BEGINNING: &str = "append arrange ask boil book build bring check collect compile compose condense deliver draw email execute \
    fetch file fill finish gather generate get go hand inform invite keep leave let look mention merge note open order organise pack \
    phone pick plot post prepare present print produce pull push read record remember render report run schedule search select \
    sort start stop store sum summarise switch take test tidy total trim try use work";

/// Verbs of requests that change something, and words for what shall be done again and again.
pub(super) const ACTING: &str = "add adjust alter always daily each every answer cancel change commit convert copy create delete draft edit fix forward improve mail make move \
    plan put remove rename repair replace reply rewrite save schedule send set shift shorten translate turn update write";

/// Requests to be told something.
pub(super) const TELLING: &str = "show tell list name explain describe count say";

/// Words of requests that are served by looking.
pub(super) const LOOKING: &str = "address addresses birthday calculate check compare compute count date dates describe display explain figure find \
    forgot free get give how identify know learn list look many much name need number open outline overview phone \
    pid place price read report say search see show size status sum summarise summarize tell total understand \
    version what where whether which who whom whose why";

/// Words for whatever it may be.
pub(super) const GENERIC: &str = "again another appointment better bit bug calendar code date deck different document entry event existing field file \
    folder function good item line mail meeting message name nice new note number old one ones other page paragraph part picture \
    presentation problem program project report same sentence setting silly slide some something somehow spreadsheet stuff summary table \
    text thing time title value version way while word";
