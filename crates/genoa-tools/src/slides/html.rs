//! A deck as one web page that needs nothing from outside.

use base64::Engine;
use sha2::{Digest, Sha256};

use super::deck::{Bullet, Content, Deck, ListItem, Slide};
use crate::documents::write::escape;
use crate::facts::SourceLink;
use crate::text::shorten;

/// Letters are sized by the slide (`--u` is a hundredth of its width), so that a slide looks the same everywhere.
const STYLE: &str = "*{box-sizing:border-box}html{scroll-snap-type:y mandatory;background:#dde3ea}body{margin:0;\
font-family:Arial,'Liberation Sans',Helvetica,sans-serif;color:#1d2430;--u:min(1vw,1.7777vh)}\
.slide{position:relative;width:calc(100*var(--u));height:calc(56.25*var(--u));margin:0 auto;overflow:hidden;background:#fff;\
scroll-snap-align:center;padding:calc(3.6*var(--u)) calc(5.25*var(--u));font-size:calc(2.08*var(--u));line-height:1.2}\
.slide+.slide{margin-top:calc(1*var(--u))}h2{margin:0;height:calc(7*var(--u));display:flex;align-items:flex-end;\
font-size:calc(3.1*var(--u));line-height:1.05;color:#12304f}h2.long{font-size:calc(2.5*var(--u))}\
h2+*{border-top:calc(.33*var(--u)) solid transparent;border-image:linear-gradient(90deg,#2f6fb0 6.8%,transparent 6.8%) 1;\
margin:calc(.5*var(--u)) 0 0;padding-top:calc(1.6*var(--u))}ul,ol{padding-left:calc(2.6*var(--u))}li{padding-left:calc(.2*var(--u));\
margin-bottom:calc(1*var(--u))}li::marker{color:#2f6fb0}.s24{font-size:calc(2.5*var(--u))}.s22{font-size:calc(2.29*var(--u))}\
.s20{font-size:calc(2.08*var(--u))}a{color:#1f5f9f;text-decoration:none}sup{font-size:.6em;line-height:0}\
.sources{font-size:calc(1.65*var(--u))}.sources small{color:#6b7787;font-size:.75em;margin-left:1em;border:0}\
footer{position:absolute;left:calc(5.25*var(--u));right:calc(5.25*var(--u));bottom:calc(1.7*var(--u));color:#6b7787;\
font-size:calc(1.04*var(--u));display:flex;justify-content:space-between}.notes{position:absolute;bottom:calc(4.6*var(--u));\
left:calc(5.25*var(--u));right:calc(5.25*var(--u));font-size:calc(1.15*var(--u));color:#6b7787}.notes a,.notes span{margin-right:2em}\
.first{background:#12304f;color:#dce6f0;padding:calc(12*var(--u)) calc(7.5*var(--u))}.first h1{color:#fff;margin:0;\
height:calc(14.5*var(--u));display:flex;align-items:flex-end;font-size:calc(4.6*var(--u));line-height:1.08}\
.first h1.long{font-size:calc(3.2*var(--u))}.first hr{width:calc(11.5*var(--u));height:calc(.42*var(--u));background:#f0a63c;border:0;\
margin:calc(1.2*var(--u)) 0 calc(1.6*var(--u))}.first p{margin:0 0 calc(.8*var(--u));font-size:calc(1.9*var(--u))}\
@media print{@page{size:13.333in 7.5in;margin:0}html{background:none}body{--u:.13333in}.slide{margin:0!important;break-after:page;\
print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

const SCRIPT: &str = "const s=[...document.querySelectorAll('.slide')];const at=()=>{let b=0,d=1/0;s.forEach((e,i)=>{\
const r=e.getBoundingClientRect(),x=Math.abs(r.top+r.height/2-innerHeight/2);if(x<d){d=x;b=i}});return b};\
addEventListener('keydown',e=>{const k={ArrowRight:1,ArrowDown:1,PageDown:1,' ':1,ArrowLeft:-1,ArrowUp:-1,PageUp:-1,Home:-1e9,End:1e9}[e.key];\
if(!k||e.ctrlKey||e.metaKey||e.altKey)return;e.preventDefault();s[Math.max(0,Math.min(s.length-1,at()+k))].scrollIntoView({block:'center'})})";

/// The page.
pub(super) fn write(deck: &Deck) -> String {
    let title = escape(&deck.title);
    // Only this very script may run: whatever slips into the page is dead.
    let script_hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT));
    let slides: String = deck.slides.iter().enumerate().map(|(place, slide)| section(deck, slide, place + 1)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src \
         'sha256-{script_hash}'\">\n<title>{title}</title><style>{STYLE}</style></head>\n<body>\n{slides}<script>{SCRIPT}</script>\n</body></html>\n"
    )
}

fn section(deck: &Deck, slide: &Slide, number: usize) -> String {
    let title = escape(&deck.title);
    let inner = match &slide.content {
        Content::Title { lines } => {
            let class = if deck.title.chars().count() > 44 { " class=\"long\"" } else { "" };
            let lines: String = lines.iter().map(|line| format!("<p>{}</p>", escape(line))).collect();
            return format!("<section class=\"slide first\"><h1{class}>{title}</h1><hr>{lines}</section>\n");
        }
        Content::List { heading, first, items } => list(heading, *first, items),
        Content::Points { heading, size_points, bullets, footnotes } => {
            let bullets: String = bullets.iter().map(bullet).collect();
            format!("{}<ul class=\"s{size_points}\">{bullets}</ul>{}", heading_line(heading), notes(footnotes))
        }
    };
    format!("<section class=\"slide\">{inner}<footer><span>{title}</span><span>{number}</span></footer></section>\n")
}

fn heading_line(heading: &str) -> String {
    let class = if heading.chars().count() > 52 { " class=\"long\"" } else { "" };
    format!("<h2{class}>{}</h2>", escape(heading))
}

fn list(heading: &str, first: usize, items: &[ListItem]) -> String {
    let class = if items.iter().any(|item| !item.detail.is_empty()) { " class=\"sources\"" } else { "" };
    let item = |item: &ListItem| {
        let detail = if item.detail.is_empty() || item.detail == item.text {
            String::new()
        } else {
            format!("<small>{}</small>", escape(&item.detail))
        };
        format!("<li>{}{detail}</li>", linked(&item.text, item.target.as_deref()))
    };
    let items: String = items.iter().map(item).collect();
    format!("{}<ol start=\"{first}\"{class}>{items}</ol>", heading_line(heading))
}

fn bullet(bullet: &Bullet) -> String {
    let mark = bullet
        .source
        .as_ref()
        .map(|(number, target)| format!(" <sup>{}</sup>", linked(&number.to_string(), target.as_deref())));
    format!("<li>{}{}</li>", escape(&bullet.text), mark.unwrap_or_default())
}

fn notes(footnotes: &[(usize, SourceLink)]) -> String {
    let note = |(number, source): &(usize, SourceLink)| {
        linked(&format!("{number}  {}", shorten(&source.title, 48)), source.target.as_deref())
    };
    format!("<div class=\"notes\">{}</div>", footnotes.iter().map(note).collect::<String>())
}

fn linked(text: &str, target: Option<&str>) -> String {
    match target {
        Some(target) => format!("<a href=\"{}\" rel=\"noreferrer\">{}</a>", escape(target), escape(text)),
        None => format!("<span>{}</span>", escape(text)),
    }
}
