//! What is on which slide: grouping, splitting and the sizes that make it fit. Pure, and the same for every format.

use crate::facts::{Event, Fact, SourceLink, source_link, sources};
use crate::text::{one_line, shorten};

/// Bullets on one slide.
const BULLETS: usize = 5;
/// Letters of one bullet, before it is split.
const BULLET_LETTERS: usize = 300;
/// Lines of one list slide: agenda, sources.
const LIST_LINES: usize = 9;
/// Height of the area for bullets.
const BODY_POINTS: usize = 320;
/// Width of the area for bullets, without the indent.
const BODY_WIDTH_POINTS: usize = 830;
/// Letters of a heading.
const HEADING_LETTERS: usize = 100;

/// A whole presentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deck {
    pub(super) title: String,
    pub(super) slides: Vec<Slide>,
}

/// One slide with what is said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slide {
    pub(super) content: Content,
    pub(super) notes: Vec<String>,
}

/// What a slide shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Title { lines: Vec<String> },
    List { heading: String, first: usize, items: Vec<ListItem> },
    Points { heading: String, size_points: usize, bullets: Vec<Bullet>, footnotes: Vec<(usize, SourceLink)> },
}

/// An entry of the agenda or of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListItem {
    pub(super) text: String,
    pub(super) detail: String,
    pub(super) target: Option<String>,
}

/// A statement, with its source's number and link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bullet {
    pub(super) text: String,
    pub(super) source: Option<(usize, Option<String>)>,
}

/// What a deck is made of.
#[derive(Clone, Debug)]
pub(super) struct Material<'a> {
    pub(super) title: &'a str,
    pub(super) subtitle: &'a str,
    pub(super) event: Option<&'a Event>,
    pub(super) facts: &'a [Fact],
    pub(super) sections: &'a [String],
    /// The deck's folder, relative to the workspace.
    pub(super) folder: &'a str,
}

/// Lays the material out.
pub(super) fn lay_out(material: &Material<'_>) -> Deck {
    let links = sources(material.facts, material.folder);
    let groups = group(material.facts, material.sections);
    let mut slides = vec![title_slide(material)];
    if groups.len() > 1 {
        let items: Vec<ListItem> = groups
            .iter()
            .map(|(heading, _)| ListItem { text: heading.clone(), detail: String::new(), target: None })
            .collect();
        slides.extend(list_slides("Agenda", &items));
    }
    for (heading, facts) in &groups {
        slides.extend(point_slides(heading, facts, &links, material.folder));
    }
    let items: Vec<ListItem> = links
        .iter()
        .map(|link| ListItem {
            text: shorten(&link.title, 90),
            detail: shorten(&link.path, 90),
            target: link.target.clone(),
        })
        .collect();
    slides.extend(list_slides("Sources", &items));
    Deck { title: shorten(&one_line(material.title), HEADING_LETTERS), slides }
}

fn title_slide(material: &Material<'_>) -> Slide {
    let event = material.event;
    let lines = [
        one_line(material.subtitle),
        event
            .map(|event| one_line(&event.title))
            .filter(|title| title != &one_line(material.title))
            .unwrap_or_default(),
        event.map(Event::when_and_where).unwrap_or_default(),
        event.map(Event::names).unwrap_or_default(),
    ];
    let lines = lines.into_iter().filter(|line| !line.is_empty()).map(|line| shorten(&line, 160)).collect();
    Slide { content: Content::Title { lines }, notes: Vec::new() }
}

/// Facts by what they are about: the sections in the order asked for, then the rest in the order of appearance.
fn group<'a>(facts: &'a [Fact], sections: &[String]) -> Vec<(String, Vec<&'a Fact>)> {
    let mut groups: Vec<(String, Vec<&Fact>)> = Vec::new();
    let headings = sections.iter().chain(facts.iter().map(|fact| &fact.about));
    for heading in headings.map(|heading| heading_of(heading)) {
        if !groups.iter().any(|(known, _)| known.eq_ignore_ascii_case(&heading)) {
            groups.push((heading, Vec::new()));
        }
    }
    for fact in facts.iter().filter(|fact| !fact.text.trim().is_empty()) {
        let heading = heading_of(&fact.about);
        let group = groups.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&heading));
        group.into_iter().for_each(|(_, facts)| facts.push(fact));
    }
    groups
        .retain(|(heading, facts)| !facts.is_empty() || sections.iter().any(|section| heading_of(section) == *heading));
    groups
}

fn heading_of(about: &str) -> String {
    let line = one_line(about).replace('_', " ");
    if line.is_empty() {
        return "Notes".to_owned();
    }
    let mut letters = line.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    shorten(&(first + letters.as_str()), HEADING_LETTERS)
}

fn list_slides(heading: &str, items: &[ListItem]) -> Vec<Slide> {
    let slide = |(page, items): (usize, &[ListItem])| {
        let heading = page_heading(heading, page);
        let content = Content::List { heading, first: page * LIST_LINES + 1, items: items.to_vec() };
        Slide { content, notes: Vec::new() }
    };
    items.chunks(LIST_LINES).enumerate().map(slide).collect()
}

fn page_heading(heading: &str, page: usize) -> String {
    if page == 0 { heading.to_owned() } else { format!("{heading} ({})", page + 1) }
}

fn point_slides(heading: &str, facts: &[&Fact], links: &[SourceLink], folder: &str) -> Vec<Slide> {
    let mut bullets = Vec::new();
    for fact in facts {
        let link = source_link(fact, folder);
        let number = link.as_ref().and_then(|link| links.iter().position(|known| known == link));
        let source = number.map(|number| (number + 1, link.and_then(|link| link.target)));
        let pieces = split(&one_line(&fact.text));
        bullets.extend(pieces.into_iter().map(|text| Bullet { text, source: source.clone() }));
    }
    if bullets.is_empty() {
        bullets.push(Bullet { text: "Nothing was found about this.".into(), source: None });
    }
    let pages = paginate(bullets);
    pages
        .into_iter()
        .enumerate()
        .map(|(page, bullets)| point_slide(page_heading(heading, page), bullets, links))
        .collect()
}

fn point_slide(heading: String, bullets: Vec<Bullet>, links: &[SourceLink]) -> Slide {
    let mut numbers: Vec<usize> = bullets.iter().filter_map(|bullet| Some(bullet.source.as_ref()?.0)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let footnotes: Vec<(usize, SourceLink)> =
        numbers.into_iter().filter_map(|number| Some((number, links.get(number - 1)?.clone()))).collect();
    let note = |bullet: &Bullet| {
        let source = bullet.source.as_ref().and_then(|(number, _)| links.get(number - 1));
        match source {
            Some(link) if link.path.is_empty() => format!("{} (source: {})", bullet.text, link.title),
            Some(link) => format!("{} (source: {}, {})", bullet.text, link.title, link.path),
            None => bullet.text.clone(),
        }
    };
    let notes = bullets.iter().map(note).collect();
    let size_points =
        [24, 22].into_iter().find(|size| height_points(&bullets, *size) <= BODY_POINTS * 3 / 4).unwrap_or(20);
    Slide { content: Content::Points { heading, size_points, bullets, footnotes }, notes }
}

fn paginate(bullets: Vec<Bullet>) -> Vec<Vec<Bullet>> {
    let mut pages: Vec<Vec<Bullet>> = Vec::new();
    for bullet in bullets {
        let fits = pages.last().is_some_and(|page| {
            page.len() < BULLETS
                && height_points(page, 20) + height_points(std::slice::from_ref(&bullet), 20) <= BODY_POINTS
        });
        if !fits {
            pages.push(Vec::new());
        }
        pages.last_mut().into_iter().for_each(|page| page.push(bullet.clone()));
    }
    pages
}

/// How high the bullets stand in letters of this size: lines of 1.2 times the size, and a gap after each bullet.
fn height_points(bullets: &[Bullet], size: usize) -> usize {
    let letters_per_line = BODY_WIDTH_POINTS * 2 / size;
    bullets.iter().map(|bullet| (width(&bullet.text) + 4).div_ceil(letters_per_line) * size * 6 / 5 + 10).sum()
}

/// Width in letters of the usual width; letters of East Asia and pictures count twice.
fn width(text: &str) -> usize {
    text.chars().map(|letter| if u32::from(letter) >= 0x1100 { 2 } else { 1 }).sum()
}

/// Pieces of at most [`BULLET_LETTERS`] of width, cut after a sentence where there is one, else between words.
fn split(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while width(rest) > BULLET_LETTERS {
        let mut used = 0;
        let limit = rest.char_indices().find(|(_, letter)| {
            used += width(letter.encode_utf8(&mut [0; 4]));
            used > BULLET_LETTERS
        });
        let Some((limit, _)) = limit else { break };
        let head = &rest[..limit];
        let sentence = head.rfind(['.', ';', '!', '?']).map(|place| place + 1).filter(|place| *place > limit / 2);
        let end = sentence.or_else(|| head.rfind(' ').filter(|place| *place > limit / 2)).unwrap_or(limit);
        pieces.push(rest[..end].trim().to_owned());
        rest = rest[end..].trim_start();
    }
    if !rest.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BODY_POINTS, BULLETS, Content, Material, height_points, lay_out, split, width};
    use crate::facts::Fact;

    fn fact(about: &str, text: &str, path: &str) -> Fact {
        Fact { about: about.into(), text: text.into(), source: path.into(), path: Some(path.into()) }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_everything_fits(texts in prop::collection::vec("[a-zä世. ]{0,900}", 0..12)) {
            let facts: Vec<Fact> = texts.iter().map(|text| fact("goals", text, "a.md")).collect();
            let deck = lay_out(&Material { title: "T", subtitle: "", event: None, facts: &facts, sections: &[], folder: "" });
            let mut shown = String::new();
            for slide in &deck.slides {
                if let Content::Points { bullets, size_points, .. } = &slide.content {
                    prop_assert!(bullets.len() <= BULLETS);
                    prop_assert!(height_points(bullets, *size_points) <= BODY_POINTS);
                    bullets.iter().for_each(|bullet| shown.push_str(&bullet.text));
                }
            }
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&shown), letters(&texts.concat()));
            for piece in split(&texts.concat()) {
                prop_assert!(width(&piece) <= super::BULLET_LETTERS);
            }
        }
    }

    #[test]
    fn sections_come_in_their_order_and_gaps_are_told() {
        let facts = [fact("risks", "one", "a.md"), fact("Goals", "two", "b.md"), fact("other", "three", "a.md")];
        let sections = ["goals".to_owned(), "budget".to_owned()];
        let deck = lay_out(&Material {
            title: "T",
            subtitle: "",
            event: None,
            facts: &facts,
            sections: &sections,
            folder: "",
        });
        let shown: Vec<String> = deck
            .slides
            .iter()
            .map(|slide| match &slide.content {
                Content::Title { .. } => "title".to_owned(),
                Content::List { heading, items, .. } => format!("{heading} {}", items.len()),
                Content::Points { heading, bullets, .. } => format!("{heading}: {}", bullets[0].text),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "title",
                "Agenda 4",
                "Goals: two",
                "Budget: Nothing was found about this.",
                "Risks: one",
                "Other: three",
                "Sources 2"
            ]
        );
    }
}
