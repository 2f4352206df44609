//! Pictures: gradients with a shape, different each and the same every time.

use genoa_abi::{ErrorCode, Failure};

use crate::days::{Days, at, shift};
use crate::tree::Tree;

const WIDTH: u32 = 96;
const HEIGHT: u32 = 64;
const FOLDERS: [(&str, u32); 5] = [("Bergen", 12), ("Office", 8), ("Garden", 8), ("Screens", 5), ("Stockholm", 20)];

pub(crate) fn write(tree: &mut Tree, days: &Days) -> Result<(), Failure> {
    let mut number = 0;
    for (folder, count) in FOLDERS {
        for place in 1..=count {
            number += 1;
            let changed = at(shift(days.today, -i32::try_from(number * 5).unwrap_or(0)), "12:00");
            tree.put(
                &format!("Pictures/{folder}/{}-{place:02}.png", folder.to_lowercase()),
                picture(number)?,
                &changed,
            )?;
        }
    }
    Ok(())
}

fn picture(number: u32) -> Result<Vec<u8>, Failure> {
    let mut pixels = Vec::new();
    for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
        let inside = x.abs_diff(20 + number * 7 % 56).pow(2) + y.abs_diff(32).pow(2) < 300;
        let shade = |value: u32| u8::try_from(value % 256).unwrap_or(0);
        let colour = [shade(x * 2 + number * 17), shade(y * 3 + number * 29), shade(number * 41)];
        pixels.extend_from_slice(&if inside { colour.map(|part| 255 - part) } else { colour });
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let defect = |error: png::EncodingError| {
        Failure::new(ErrorCode::Internal, "a picture of the sample cannot be made").because(error)
    };
    let mut writer = encoder.write_header().map_err(defect)?;
    writer.write_image_data(&pixels).map_err(defect)?;
    writer.finish().map_err(defect)?;
    Ok(bytes)
}
