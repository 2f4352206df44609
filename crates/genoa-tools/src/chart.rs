//! Charts as pictures (SVG), drawn here.

use genoa_abi::schema::{EffectClass, FileNeed, Needs};
use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json;

use crate::documents::write::escape;
use crate::table::{self, Table};
use crate::text::{one_line, shorten};
use crate::tool::{Call, Tool, answer, schema};
use crate::{files, walk};

/// Points of one chart.
const POINTS: usize = 400;
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 90.0;

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { files: FileNeed::Write, ..Needs::default() };
    vec![Tool {
        schema: schema("chart.write", "Draw a chart of two columns of a table.", EffectClass::Change, needs, "File")
            .required("path", "path", "where to")
            .ending_in("svg")
            .required("table", "any", "a table, the path of one, or a list of records")
            .existing()
            .required("x", "str", "the column along the bottom")
            .required("y", "str", "the column with numbers")
            .required("kind", r#""bar" | "line""#, "form of the chart")
            .asked_by("chart|graph|plot|diagram|draw|pie|bar|visual|picture|curve|show")
            .phrase("Draw the {kind} chart {path} of {y} by {x}"),
        run: write,
    }]
}

fn write(call: &Call<'_>) -> Result<Json, Failure> {
    let path = call.resolve(&call.text("path")?)?;
    if walk::extension(&path) != "svg" {
        return Err(Failure::new(ErrorCode::InvalidInput, "charts are written as .svg"));
    }
    let table = match call.argument::<Json>("table")? {
        Json::String(source) => table::load(call, &source, "")?,
        Json::Array(records) => table::from_list(&records),
        other => serde_json::from_value::<Table>(other).map_err(|error| {
            Failure::new(ErrorCode::InvalidInput, "the argument `table` is not a table").because(error)
        })?,
    };
    let chart = Chart::new(&table, &call.text("x")?, &call.text("y")?)?;
    let picture = chart.draw(&call.text("kind")?);
    files::put(call, &path, picture)?;
    answer(files::describe(call, &path)?)
}

struct Chart {
    x: String,
    y: String,
    points: Vec<(String, f64)>,
    /// The values at the ticks, from the lowest to the highest.
    ticks: Vec<f64>,
}

impl Chart {
    fn new(table: &Table, x: &str, y: &str) -> Result<Self, Failure> {
        let (across, up) = (table.column(x)?, table.column(y)?);
        let point = |row: &Vec<String>| Some((one_line(row.get(across)?), table::number(row.get(up)?)?));
        let points: Vec<(String, f64)> = table.rows.iter().filter_map(point).collect();
        if points.is_empty() {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("the column {y} holds no numbers")));
        }
        if points.len() > POINTS {
            let what = format!("{} points are over the limit of {POINTS} for a chart", points.len());
            return Err(Failure::new(ErrorCode::TooLarge, what).try_next("Sum them up first with table.total"));
        }
        let low = points.iter().map(|point| point.1).fold(0.0, f64::min);
        let high = points.iter().map(|point| point.1).fold(0.0, f64::max);
        Ok(Self { x: table.columns[across].clone(), y: table.columns[up].clone(), points, ticks: ticks(low, high) })
    }

    fn draw(&self, kind: &str) -> String {
        let marks = if kind == "line" { self.line() } else { self.bars() };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" \
             font-family=\"Arial, 'Liberation Sans', sans-serif\" font-size=\"14\" fill=\"#1d2430\">\n<title>{0} by {1}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"34\" font-size=\"20\" font-weight=\"bold\" \
             fill=\"#12304f\">{2} by {3}</text>\n{4}{marks}{5}</svg>\n",
            escape(&self.y),
            escape(&self.x),
            escape(&shorten(&self.y, 40)),
            escape(&shorten(&self.x, 40)),
            self.grid(),
            self.labels()
        )
    }

    /// The height on the picture of a value.
    fn at(&self, value: f64) -> f64 {
        let (low, high) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
    }

    /// Width of the part of the picture that belongs to one point.
    fn step(&self) -> f64 {
        (WIDTH - LEFT - RIGHT) / count(self.points.len())
    }

    fn center(&self, place: usize) -> f64 {
        LEFT + self.step() * (count(place) + 0.5)
    }

    fn grid(&self) -> String {
        let line = |value: &f64| {
            let y = self.at(*value);
            let color = if *value == 0.0 { "#6b7787" } else { "#dfe5eb" };
            format!(
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{color}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" \
                 fill=\"#465264\">{}</text>\n",
                WIDTH - RIGHT,
                LEFT - 10.0,
                y + 5.0,
                table::show(*value)
            )
        };
        self.ticks.iter().map(line).collect()
    }

    fn bars(&self) -> String {
        let width = (self.step() * 0.7).min(80.0);
        let bar = |(place, (name, value)): (usize, &(String, f64))| {
            let (zero, end) = (self.at(0.0), self.at(*value));
            format!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"#2f6fb0\"><title>{}: {}</title></rect>\n",
                self.center(place) - width / 2.0,
                zero.min(end),
                (zero - end).abs(),
                escape(name),
                table::show(*value)
            )
        };
        self.points.iter().enumerate().map(bar).collect()
    }

    fn line(&self) -> String {
        let place =
            |(place, (_, value)): (usize, &(String, f64))| format!("{:.1},{:.1}", self.center(place), self.at(*value));
        let places: Vec<String> = self.points.iter().enumerate().map(place).collect();
        let mut drawn = format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#2f6fb0\" stroke-width=\"3\"/>\n",
            places.join(" ")
        );
        if self.points.len() <= 60 {
            for (place, (name, value)) in self.points.iter().enumerate() {
                drawn.push_str(&format!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"#2f6fb0\"><title>{}: {}</title></circle>\n",
                    self.center(place),
                    self.at(*value),
                    escape(name),
                    table::show(*value)
                ));
            }
        }
        drawn
    }

    /// Names along the bottom: as many as have room, slanted where they would touch.
    fn labels(&self) -> String {
        let longest = self.points.iter().map(|(name, _)| name.chars().count().min(16)).max().unwrap_or_default();
        let is_slanted = count(longest) * 8.0 > self.step() - 6.0;
        let every = (24.0 / self.step()).ceil().max(1.0);
        let mut drawn = String::new();
        let y = HEIGHT - BOTTOM + 22.0;
        for (place, (name, _)) in self.points.iter().enumerate().filter(|(place, _)| count(*place) % every == 0.0) {
            let x = self.center(place);
            let how = if is_slanted {
                format!("text-anchor=\"end\" transform=\"rotate(-35 {x:.1} {y:.1})\"")
            } else {
                "text-anchor=\"middle\"".to_owned()
            };
            drawn.push_str(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\" {how}>{}</text>\n", escape(&shorten(name, 15))));
        }
        drawn
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

/// About five round values that enclose everything from `low` to `high`.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let span = if high > low { high - low } else { 1.0 };
    let power = 10_f64.powf((span / 5.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| span / step <= 6.0)
        .unwrap_or(span);
    let first = (low / step).floor();
    let mut values = vec![first * step];
    for place in 1..=20 {
        let value = (first + f64::from(place)) * step;
        values.push(value);
        if value >= high && value > low {
            break;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use proptest::prelude::*;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn a_chart_is_drawn_from_a_file_or_a_table() {
        let bench = Bench::new().with("k.csv", "month,cost\nJan,12\nFeb,<b>\nMar,-7\n\"A&\"\"<script>\",30\n");
        for kind in ["bar", "line"] {
            let path = format!("out/{kind}.svg");
            bench.ok("chart.write", json!({ "path": path, "table": "k.csv", "x": "month", "y": "cost", "kind": kind }));
            let picture = bench.text(&path);
            assert!(picture.contains("A&amp;&quot;&lt;script&gt;: 30") && !picture.contains("<script"), "{picture}");
            let mut reader = quick_xml::Reader::from_str(&picture);
            while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}
        }
        let records = json!([{ "mount": "/", "used": 12.5 }, { "mount": "/home", "used": 3 }]);
        bench.ok("chart.write", json!({ "path": "r.svg", "table": records, "x": "mount", "y": "used", "kind": "bar" }));
        assert!(bench.text("r.svg").contains("/home"));
        let table = json!({ "columns": ["a", "b"], "rows": [["x", "1"]] });
        bench.ok("chart.write", json!({ "path": "t.svg", "table": table, "x": "a", "y": "b", "kind": "bar" }));
        bench
            .ok("chart.write", json!({ "path": "u.svg", "table": "k.csv", "x": "Months", "y": "COST", "kind": "bar" }));
        assert!(bench.text("u.svg").contains("cost by month"));
        assert!(bench.text("t.svg").contains("x: 1"));
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let bench = Bench::new().with("k.csv", "month,cost\nJan,none\n");
        let refused = |path: &str, y: &str| {
            bench.refused("chart.write", json!({ "path": path, "table": "k.csv", "x": "month", "y": y, "kind": "bar" }))
        };
        assert_eq!(refused("a.svg", "cost"), ErrorCode::InvalidInput);
        assert_eq!(refused("a.svg", "price"), ErrorCode::NotFound);
        assert_eq!(refused("a.png", "cost"), ErrorCode::InvalidInput);
        assert_eq!(refused("../a.svg", "cost"), ErrorCode::NotGranted);
    }

    proptest! {
        #[test]
        fn ticks_enclose_the_values(low in -1e9..0.0_f64, high in 0.0..1e9_f64) {
            let ticks = super::ticks(low, high);
            prop_assert!(ticks[0] <= low && *ticks.last().unwrap() >= high);
            prop_assert!((2..=9).contains(&ticks.len()), "{ticks:?}");
        }
    }
}
