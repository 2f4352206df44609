//! A deck as an Office Open XML presentation.

use genoa_abi::Failure;

use super::deck::{Bullet, Content, Deck, ListItem, Slide};
use super::package::{Package, Relations};
use super::parts::{self, GROUP, NAMESPACES, text_shape};
use crate::documents::write::escape;
use crate::facts::SourceLink;
use crate::text::shorten;

const PRESENTATION: &str = "application/vnd.openxmlformats-officedocument.presentationml";
const THEME: &str = "application/vnd.openxmlformats-officedocument.theme+xml";
const CORE: &str = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties";

/// The deck's file.
///
/// # Errors
/// As [`Package::finish`].
pub(super) fn write(deck: &Deck) -> Result<Vec<u8>, Failure> {
    let mut package = Package::default();
    let mut relations = Relations::default();
    relations.add_part("slideMaster", "slideMasters/slideMaster1.xml");
    relations.add_part("notesMaster", "notesMasters/notesMaster1.xml");
    relations.add_part("theme", "theme/theme1.xml");
    let mut slide_ids = String::new();
    for place in 1..=deck.slides.len() {
        let id = relations.add_part("slide", &format!("slides/slide{place}.xml"));
        slide_ids.push_str(&format!("<p:sldId id=\"{}\" r:id=\"{id}\"/>", 255 + place));
    }
    let (width, height) = parts::SLIDE;
    let presentation = format!(
        "<p:presentation {NAMESPACES} saveSubsetFonts=\"1\"><p:sldMasterIdLst><p:sldMasterId id=\"2147483648\" r:id=\"rId1\"/></p:sldMasterIdLst>\
         <p:notesMasterIdLst><p:notesMasterId r:id=\"rId2\"/></p:notesMasterIdLst><p:sldIdLst>{slide_ids}</p:sldIdLst>\
         <p:sldSz cx=\"{width}\" cy=\"{height}\"/><p:notesSz cx=\"6858000\" cy=\"9144000\"/></p:presentation>"
    );
    package.add("ppt/presentation.xml", &format!("{PRESENTATION}.presentation.main+xml"), &presentation, &relations);
    add_masters(&mut package);
    for (place, slide) in deck.slides.iter().enumerate() {
        add_slide(&mut package, deck, slide, place + 1);
    }
    let mut roots = Relations::default();
    roots.add_part("officeDocument", "ppt/presentation.xml");
    roots.push(CORE, "docProps/core.xml", "");
    let core = format!(
        "<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>{}</dc:title></cp:coreProperties>",
        escape(&deck.title)
    );
    package.add(
        "docProps/core.xml",
        "application/vnd.openxmlformats-package.core-properties+xml",
        &core,
        &Relations::default(),
    );
    package.finish(&roots)
}

fn add_masters(package: &mut Package) {
    let mut of_master = Relations::default();
    of_master.add_part("slideLayout", "../slideLayouts/slideLayout1.xml");
    of_master.add_part("slideLayout", "../slideLayouts/slideLayout2.xml");
    of_master.add_part("theme", "../theme/theme1.xml");
    package.add(
        "ppt/slideMasters/slideMaster1.xml",
        &format!("{PRESENTATION}.slideMaster+xml"),
        &parts::master(),
        &of_master,
    );
    for (place, layout) in [(1, parts::title_layout()), (2, parts::content_layout())] {
        let mut of_layout = Relations::default();
        of_layout.add_part("slideMaster", "../slideMasters/slideMaster1.xml");
        let name = format!("ppt/slideLayouts/slideLayout{place}.xml");
        package.add(&name, &format!("{PRESENTATION}.slideLayout+xml"), &layout, &of_layout);
    }
    let mut of_notes = Relations::default();
    of_notes.add_part("theme", "../theme/theme2.xml");
    package.add(
        "ppt/notesMasters/notesMaster1.xml",
        &format!("{PRESENTATION}.notesMaster+xml"),
        &parts::notes_master(),
        &of_notes,
    );
    package.add("ppt/theme/theme1.xml", THEME, &parts::theme(), &Relations::default());
    package.add("ppt/theme/theme2.xml", THEME, &parts::theme(), &Relations::default());
}

fn add_slide(package: &mut Package, deck: &Deck, slide: &Slide, number: usize) {
    let layout = if matches!(slide.content, Content::Title { .. }) { 1 } else { 2 };
    let mut relations = Relations::default();
    relations.add_part("slideLayout", &format!("../slideLayouts/slideLayout{layout}.xml"));
    let notes_relation = format!("../notesSlides/notesSlide{number}.xml");
    if !slide.notes.is_empty() {
        relations.add_part("notesSlide", &notes_relation);
    }
    let shapes = match &slide.content {
        Content::Title { lines } => title_shapes(&deck.title, lines),
        Content::List { heading, first, items } => list_shapes(heading, *first, items, &mut relations),
        Content::Points { heading, size_points, bullets, footnotes } => {
            point_shapes(heading, *size_points, bullets, &mut relations) + &footnote_shape(footnotes, &mut relations)
        }
    };
    let footer = if layout == 2 { footer_shapes(&deck.title, number) } else { String::new() };
    let xml = format!(
        "<p:sld {NAMESPACES}><p:cSld><p:spTree>{GROUP}{shapes}{footer}</p:spTree></p:cSld><p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sld>"
    );
    package.add(&format!("ppt/slides/slide{number}.xml"), &format!("{PRESENTATION}.slide+xml"), &xml, &relations);
    if !slide.notes.is_empty() {
        add_notes(package, &slide.notes, number);
    }
}

fn add_notes(package: &mut Package, notes: &[String], number: usize) {
    let mut relations = Relations::default();
    relations.add_part("notesMaster", "../notesMasters/notesMaster1.xml");
    relations.add_part("slide", &format!("../slides/slide{number}.xml"));
    let paragraphs: String = notes.iter().map(|note| paragraph("", &run(note, "", ""))).collect();
    let image = "<p:sp><p:nvSpPr><p:cNvPr id=\"2\" name=\"Slide\"/><p:cNvSpPr><a:spLocks noGrp=\"1\" noRot=\"1\" noChangeAspect=\"1\"/></p:cNvSpPr><p:nvPr>\
                 <p:ph type=\"sldImg\"/></p:nvPr></p:nvSpPr><p:spPr/></p:sp>";
    let body = text_shape(3, "Notes", "type=\"body\" idx=\"1\"", None, &text_body(&paragraphs));
    let xml = format!(
        "<p:notes {NAMESPACES}><p:cSld><p:spTree>{GROUP}{image}{body}</p:spTree></p:cSld><p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:notes>"
    );
    package.add(
        &format!("ppt/notesSlides/notesSlide{number}.xml"),
        &format!("{PRESENTATION}.notesSlide+xml"),
        &xml,
        &relations,
    );
}

fn title_shapes(title: &str, lines: &[String]) -> String {
    let size = match title.chars().count() {
        0..=44 => "",
        45..=80 => " sz=\"3600\"",
        _ => " sz=\"3000\"",
    };
    let paragraphs: String = lines
        .iter()
        .enumerate()
        .map(|(place, line)| paragraph("", &run(line, if place == 0 { " sz=\"2200\"" } else { " sz=\"1800\"" }, "")))
        .collect();
    text_shape(2, "Title", "type=\"ctrTitle\"", None, &text_body(&paragraph("", &run(title, size, ""))))
        + &text_shape(3, "Subtitle", "type=\"subTitle\" idx=\"1\"", None, &text_body(&paragraphs))
}

fn heading_shape(heading: &str) -> String {
    let size = if heading.chars().count() > 52 { " sz=\"2400\"" } else { "" };
    text_shape(2, "Title", "type=\"title\"", None, &text_body(&paragraph("", &run(heading, size, ""))))
}

fn list_shapes(heading: &str, first: usize, items: &[ListItem], relations: &mut Relations) -> String {
    let mut paragraphs = String::new();
    for (place, item) in items.iter().enumerate() {
        let number = first + place;
        let has_detail = !item.detail.is_empty();
        let size = if has_detail { " sz=\"1600\"" } else { " sz=\"2200\"" };
        let mut runs = run(&item.text, size, &link(item.target.as_deref(), relations));
        if has_detail && item.detail != item.text {
            runs.push_str(&run(&format!("   {}", item.detail), " sz=\"1200\"", GRAY));
        }
        let numbering = format!(
            "<a:pPr marL=\"520000\" indent=\"-520000\"><a:buFont typeface=\"+mj-lt\"/><a:buAutoNum type=\"arabicPlain\" startAt=\"{number}\"/></a:pPr>"
        );
        paragraphs.push_str(&paragraph(&numbering, &runs));
    }
    heading_shape(heading) + &text_shape(3, "Content", "idx=\"1\"", None, &text_body(&paragraphs))
}

const GRAY: &str = "<a:solidFill><a:schemeClr val=\"accent6\"/></a:solidFill>";

fn point_shapes(heading: &str, size_points: usize, bullets: &[Bullet], relations: &mut Relations) -> String {
    let size = format!(" sz=\"{size_points}00\"");
    let mut paragraphs = String::new();
    for bullet in bullets {
        let mut runs = run(&bullet.text, &size, "");
        if let Some((number, target)) = &bullet.source {
            let mark = format!(" sz=\"{size_points}00\" baseline=\"30000\"");
            runs.push_str(&run(&format!(" {number}"), &mark, &link(target.as_deref(), relations)));
        }
        paragraphs.push_str(&paragraph("", &runs));
    }
    heading_shape(heading) + &text_shape(3, "Content", "idx=\"1\"", None, &text_body(&paragraphs))
}

fn footnote_shape(footnotes: &[(usize, SourceLink)], relations: &mut Relations) -> String {
    let mut runs = String::new();
    for (number, source) in footnotes {
        let text = format!("{number}  {}", shorten(&source.title, 48));
        runs.push_str(&run(&text, "", &link(source.target.as_deref(), relations)));
        runs.push_str(&run("      ", "", ""));
    }
    text_shape(4, "Sources", "type=\"body\" sz=\"quarter\" idx=\"13\"", None, &text_body(&paragraph("", &runs)))
}

fn footer_shapes(title: &str, number: usize) -> String {
    let field = format!(
        "<a:fld id=\"{{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}}\" type=\"slidenum\"><a:rPr lang=\"en-US\"/><a:t>{number}</a:t></a:fld>"
    );
    // Said here again, because not every program takes a footer's form from the layout.
    let footer =
        paragraph("<a:pPr algn=\"l\"/>", &run(title, " sz=\"1000\"", &format!("{GRAY}<a:latin typeface=\"+mn-lt\"/>")));
    text_shape(8, "Footer", "type=\"ftr\" sz=\"quarter\" idx=\"11\"", None, &text_body(&footer))
        + &text_shape(
            9,
            "Number",
            "type=\"sldNum\" sz=\"quarter\" idx=\"12\"",
            None,
            &text_body(&paragraph("", &field)),
        )
}

fn text_body(paragraphs: &str) -> String {
    let paragraphs = if paragraphs.is_empty() { "<a:p><a:endParaRPr lang=\"en-US\"/></a:p>" } else { paragraphs };
    format!("<a:bodyPr><a:normAutofit/></a:bodyPr><a:lstStyle/>{paragraphs}")
}

fn paragraph(properties: &str, runs: &str) -> String {
    format!("<a:p>{properties}{runs}</a:p>")
}

/// Words with attributes (` sz="2000"`) and elements (a fill, a link) of their form.
fn run(text: &str, attributes: &str, elements: &str) -> String {
    format!("<a:r><a:rPr lang=\"en-US\"{attributes} dirty=\"0\">{elements}</a:rPr><a:t>{}</a:t></a:r>", escape(text))
}

fn link(target: Option<&str>, relations: &mut Relations) -> String {
    let color = "<a:solidFill><a:schemeClr val=\"hlink\"/></a:solidFill>";
    target.map(|target| format!("{color}<a:hlinkClick r:id=\"{}\"/>", relations.add_link(target))).unwrap_or_default()
}
