//! The parts of a presentation that are the same in every deck: theme, masters, layouts.

/// Declarations of the three namespaces that every part uses.
pub(super) const NAMESPACES: &str = "xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" \
xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\" \
xmlns:p=\"http://schemas.openxmlformats.org/presentationml/2006/main\"";

/// Head of every tree of shapes.
pub(super) const GROUP: &str = "<p:nvGrpSpPr><p:cNvPr id=\"1\" name=\"\"/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr>\
<p:grpSpPr><a:xfrm><a:off x=\"0\" y=\"0\"/><a:ext cx=\"0\" cy=\"0\"/><a:chOff x=\"0\" y=\"0\"/><a:chExt cx=\"0\" cy=\"0\"/>\
</a:xfrm></p:grpSpPr>";

/// Width and height of a slide in English Metric Units: 16 to 9, 13.33 by 7.5 inches.
pub(super) const SLIDE: (u32, u32) = (12_192_000, 6_858_000);

/// Where something stands, in English Metric Units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

const MARGIN: u32 = 640_080;
const INNER: u32 = SLIDE.0 - 2 * MARGIN;

/// The heading of a slide.
pub(super) const HEADING: Place = Place { x: MARGIN, y: 420_000, width: INNER, height: 860_000 };
/// Its bullets.
pub(super) const BODY: Place = Place { x: MARGIN, y: 1_560_000, width: INNER, height: 4_250_000 };
/// Its sources.
pub(super) const FOOTNOTES: Place = Place { x: MARGIN, y: 5_850_000, width: INNER, height: 440_000 };
/// The deck's title at the bottom.
pub(super) const FOOTER: Place = Place { x: MARGIN, y: 6_370_000, width: 8_000_000, height: 280_000 };
/// The slide's number.
pub(super) const NUMBER: Place =
    Place { x: SLIDE.0 - MARGIN - 1_200_000, y: 6_370_000, width: 1_200_000, height: 280_000 };
/// The title of the first slide.
pub(super) const DECK_TITLE: Place = Place { x: 914_400, y: 1_500_000, width: 10_363_200, height: 1_750_000 };
/// What stands below it.
pub(super) const DECK_SUBTITLE: Place = Place { x: 914_400, y: 3_560_000, width: 10_363_200, height: 2_100_000 };
const DECK_LINE: Place = Place { x: 914_400, y: 3_380_000, width: 1_400_000, height: 50_000 };
const HEADING_LINE: Place = Place { x: MARGIN, y: 1_330_000, width: 820_000, height: 40_000 };

impl Place {
    /// The transform element.
    pub(super) fn xml(&self) -> String {
        let Self { x, y, width, height } = self;
        format!("<a:xfrm><a:off x=\"{x}\" y=\"{y}\"/><a:ext cx=\"{width}\" cy=\"{height}\"/></a:xfrm>")
    }
}

/// A shape that holds text, tied to a placeholder of the layout (`type="title"`, `idx="1"`); its place may come from there.
pub(super) fn text_shape(id: u32, name: &str, placeholder: &str, place: Option<Place>, body: &str) -> String {
    let place = place.map(|place| place.xml()).unwrap_or_default();
    format!(
        "<p:sp><p:nvSpPr><p:cNvPr id=\"{id}\" name=\"{name}\"/><p:cNvSpPr><a:spLocks noGrp=\"1\"/></p:cNvSpPr>\
         <p:nvPr><p:ph {placeholder}/></p:nvPr></p:nvSpPr><p:spPr>{place}</p:spPr><p:txBody>{body}</p:txBody></p:sp>"
    )
}

fn bar(id: u32, place: Place, color: &str) -> String {
    format!(
        "<p:sp><p:nvSpPr><p:cNvPr id=\"{id}\" name=\"Line\"/><p:cNvSpPr/><p:nvPr userDrawn=\"1\"/></p:nvSpPr><p:spPr>{}\
         <a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom><a:solidFill><a:schemeClr val=\"{color}\"/></a:solidFill><a:ln>\
         <a:noFill/></a:ln></p:spPr><p:txBody><a:bodyPr/><a:lstStyle/><a:p><a:endParaRPr lang=\"en-US\"/></a:p></p:txBody></p:sp>",
        place.xml()
    )
}

fn prompt(body: &str, style: &str, text: &str) -> String {
    format!(
        "<a:bodyPr {body}><a:normAutofit/></a:bodyPr><a:lstStyle>{style}</a:lstStyle><a:p><a:r><a:rPr lang=\"en-US\"/><a:t>{text}</a:t></a:r></a:p>"
    )
}

const NO_INSETS: &str = "lIns=\"0\" tIns=\"0\" rIns=\"0\" bIns=\"0\"";

fn number_and_footer() -> String {
    let small = |align: &str| {
        format!(
            "<a:lvl1pPr algn=\"{align}\"><a:defRPr sz=\"1000\"><a:solidFill><a:schemeClr val=\"accent6\"/></a:solidFill></a:defRPr></a:lvl1pPr>"
        )
    };
    let footer = format!(
        "<a:bodyPr {NO_INSETS} anchor=\"ctr\"/><a:lstStyle>{}</a:lstStyle><a:p><a:endParaRPr lang=\"en-US\"/></a:p>",
        small("l")
    );
    let number = format!(
        "<a:bodyPr {NO_INSETS} anchor=\"ctr\"/><a:lstStyle>{}</a:lstStyle><a:p><a:fld id=\"{{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}}\" \
         type=\"slidenum\"><a:rPr lang=\"en-US\"/><a:t>‹#›</a:t></a:fld></a:p>",
        small("r")
    );
    text_shape(8, "Footer", "type=\"ftr\" sz=\"quarter\" idx=\"11\"", Some(FOOTER), &footer)
        + &text_shape(9, "Number", "type=\"sldNum\" sz=\"quarter\" idx=\"12\"", Some(NUMBER), &number)
}

fn body_levels() -> String {
    let level = |level: u32, margin: u32, size: u32| {
        format!(
            "<a:lvl{level}pPr marL=\"{margin}\" indent=\"-300000\" algn=\"l\" rtl=\"0\"><a:lnSpc><a:spcPct val=\"100000\"/></a:lnSpc>\
             <a:spcBef><a:spcPts val=\"0\"/></a:spcBef><a:spcAft><a:spcPts val=\"1000\"/></a:spcAft><a:buClr><a:schemeClr val=\"accent1\"/>\
             </a:buClr><a:buFont typeface=\"Arial\"/><a:buChar char=\"•\"/><a:defRPr sz=\"{size}\"><a:solidFill><a:schemeClr val=\"tx1\"/>\
             </a:solidFill><a:latin typeface=\"+mn-lt\"/></a:defRPr></a:lvl{level}pPr>"
        )
    };
    level(1, 300_000, 2000) + &level(2, 600_000, 1800)
}

/// The slide master.
pub(super) fn master() -> String {
    let title = text_shape(
        2,
        "Title",
        "type=\"title\"",
        Some(HEADING),
        &prompt(&format!("{NO_INSETS} anchor=\"b\""), "", "Title"),
    );
    let body = text_shape(3, "Body", "type=\"body\" idx=\"1\"", Some(BODY), &prompt(NO_INSETS, "", "Text"));
    format!(
        "<p:sldMaster {NAMESPACES}><p:cSld><p:bg><p:bgPr><a:solidFill><a:schemeClr val=\"bg1\"/></a:solidFill><a:effectLst/></p:bgPr></p:bg>\
         <p:spTree>{GROUP}{title}{body}{}</p:spTree></p:cSld>\
         <p:clrMap bg1=\"lt1\" tx1=\"dk1\" bg2=\"lt2\" tx2=\"dk2\" accent1=\"accent1\" accent2=\"accent2\" accent3=\"accent3\" \
         accent4=\"accent4\" accent5=\"accent5\" accent6=\"accent6\" hlink=\"hlink\" folHlink=\"folHlink\"/>\
         <p:sldLayoutIdLst><p:sldLayoutId id=\"2147483649\" r:id=\"rId1\"/><p:sldLayoutId id=\"2147483650\" r:id=\"rId2\"/></p:sldLayoutIdLst>\
         <p:txStyles><p:titleStyle><a:lvl1pPr algn=\"l\" rtl=\"0\"><a:lnSpc><a:spcPct val=\"95000\"/></a:lnSpc><a:spcBef><a:spcPts val=\"0\"/></a:spcBef>\
         <a:buNone/><a:defRPr sz=\"3000\" b=\"1\"><a:solidFill><a:schemeClr val=\"tx2\"/></a:solidFill><a:latin typeface=\"+mj-lt\"/></a:defRPr>\
         </a:lvl1pPr></p:titleStyle><p:bodyStyle>{}</p:bodyStyle><p:otherStyle><a:lvl1pPr><a:defRPr sz=\"1800\"/></a:lvl1pPr></p:otherStyle>\
         </p:txStyles></p:sldMaster>",
        number_and_footer(),
        body_levels()
    )
}

/// The layout of the first slide: white on dark.
pub(super) fn title_layout() -> String {
    let white = |size: u32, bold: u32, color: &str| {
        format!(
            "<a:lvl1pPr marL=\"0\" indent=\"0\" algn=\"l\"><a:spcAft><a:spcPts val=\"800\"/></a:spcAft><a:buNone/><a:defRPr sz=\"{size}\" b=\"{bold}\">\
             <a:solidFill><a:schemeClr val=\"{color}\"/></a:solidFill></a:defRPr></a:lvl1pPr>"
        )
    };
    let title = prompt(&format!("{NO_INSETS} anchor=\"b\""), &white(4400, 1, "bg1"), "Title");
    let subtitle = prompt(NO_INSETS, &white(2000, 0, "bg2"), "Subtitle");
    format!(
        "<p:sldLayout {NAMESPACES} type=\"title\" preserve=\"1\" showMasterSp=\"0\"><p:cSld name=\"Title\"><p:bg><p:bgPr><a:solidFill>\
         <a:schemeClr val=\"tx2\"/></a:solidFill><a:effectLst/></p:bgPr></p:bg><p:spTree>{GROUP}{}{}{}</p:spTree></p:cSld>\
         <p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sldLayout>",
        text_shape(2, "Title", "type=\"ctrTitle\"", Some(DECK_TITLE), &title),
        text_shape(3, "Subtitle", "type=\"subTitle\" idx=\"1\"", Some(DECK_SUBTITLE), &subtitle),
        bar(4, DECK_LINE, "accent2")
    )
}

/// The layout of all other slides.
pub(super) fn content_layout() -> String {
    let notes = "<a:lvl1pPr marL=\"0\" indent=\"0\"><a:spcAft><a:spcPts val=\"0\"/></a:spcAft><a:buNone/><a:defRPr sz=\"1100\"><a:solidFill>\
                 <a:schemeClr val=\"accent6\"/></a:solidFill></a:defRPr></a:lvl1pPr>";
    let title = prompt(&format!("{NO_INSETS} anchor=\"b\""), "", "Title");
    format!(
        "<p:sldLayout {NAMESPACES} type=\"obj\" preserve=\"1\"><p:cSld name=\"Title and content\"><p:spTree>{GROUP}{}{}{}{}{}</p:spTree></p:cSld>\
         <p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sldLayout>",
        text_shape(2, "Title", "type=\"title\"", Some(HEADING), &title),
        text_shape(3, "Content", "idx=\"1\"", Some(BODY), &prompt(NO_INSETS, "", "Text")),
        text_shape(
            4,
            "Sources",
            "type=\"body\" sz=\"quarter\" idx=\"13\"",
            Some(FOOTNOTES),
            &prompt(&format!("{NO_INSETS} anchor=\"b\""), notes, "Sources")
        ),
        bar(5, HEADING_LINE, "accent1"),
        number_and_footer()
    )
}

/// The master of the speaker's notes.
pub(super) fn notes_master() -> String {
    let image = "<p:sp><p:nvSpPr><p:cNvPr id=\"2\" name=\"Slide\"/><p:cNvSpPr><a:spLocks noGrp=\"1\" noRot=\"1\" noChangeAspect=\"1\"/></p:cNvSpPr><p:nvPr>\
                 <p:ph type=\"sldImg\" idx=\"2\"/></p:nvPr></p:nvSpPr><p:spPr><a:xfrm><a:off x=\"685800\" y=\"1143000\"/><a:ext cx=\"5486400\" cy=\"3086100\"/>\
                 </a:xfrm><a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom></p:spPr></p:sp>";
    let place = Place { x: 685_800, y: 4_400_550, width: 5_486_400, height: 3_600_450 };
    format!(
        "<p:notesMaster {NAMESPACES}><p:cSld><p:bg><p:bgPr><a:solidFill><a:schemeClr val=\"bg1\"/></a:solidFill><a:effectLst/></p:bgPr></p:bg>\
         <p:spTree>{GROUP}{image}{}</p:spTree></p:cSld><p:clrMap bg1=\"lt1\" tx1=\"dk1\" bg2=\"lt2\" tx2=\"dk2\" accent1=\"accent1\" accent2=\"accent2\" \
         accent3=\"accent3\" accent4=\"accent4\" accent5=\"accent5\" accent6=\"accent6\" hlink=\"hlink\" folHlink=\"folHlink\"/></p:notesMaster>",
        text_shape(3, "Notes", "type=\"body\" sz=\"quarter\" idx=\"3\"", Some(place), &prompt("", "", "Notes"))
    )
}

/// The theme: colours and fonts.
pub(super) fn theme() -> String {
    let colors: String = [
        ("dk1", "1D2430"),
        ("lt1", "FFFFFF"),
        ("dk2", "12304F"),
        ("lt2", "DCE6F0"),
        ("accent1", "2F6FB0"),
        ("accent2", "F0A63C"),
        ("accent3", "3C9D8F"),
        ("accent4", "B5546C"),
        ("accent5", "6B5FB5"),
        ("accent6", "6B7787"),
        ("hlink", "1F5F9F"),
        ("folHlink", "1F5F9F"),
    ]
    .iter()
    .map(|(name, color)| format!("<a:{name}><a:srgbClr val=\"{color}\"/></a:{name}>"))
    .collect();
    let font = "<a:latin typeface=\"Arial\"/><a:ea typeface=\"\"/><a:cs typeface=\"\"/>";
    let fill = "<a:solidFill><a:schemeClr val=\"phClr\"/></a:solidFill>";
    let line = format!("<a:ln w=\"9525\">{fill}</a:ln>");
    let effect = "<a:effectStyle><a:effectLst/></a:effectStyle>";
    format!(
        "<a:theme xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" name=\"Genoa\"><a:themeElements><a:clrScheme name=\"Genoa\">{colors}\
         </a:clrScheme><a:fontScheme name=\"Genoa\"><a:majorFont>{font}</a:majorFont><a:minorFont>{font}</a:minorFont></a:fontScheme>\
         <a:fmtScheme name=\"Genoa\"><a:fillStyleLst>{0}</a:fillStyleLst><a:lnStyleLst>{1}</a:lnStyleLst><a:effectStyleLst>{2}</a:effectStyleLst>\
         <a:bgFillStyleLst>{0}</a:bgFillStyleLst></a:fmtScheme></a:themeElements></a:theme>",
        fill.repeat(3),
        line.repeat(3),
        effect.repeat(3)
    )
}
