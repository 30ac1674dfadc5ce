use std::fs::File;
use std::io::{Cursor, Write};

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{Frame, ImageEncoder, ImageFormat, Rgba, RgbaImage};

use super::*;

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Left half red, right half blue.
fn halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| image::Rgb(if x < width / 2 { [255, 0, 0] } else { [0, 0, 255] }))
}

fn jpeg(image: &RgbImage, exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).unwrap();
    }
    encoder.encode_image(image).unwrap();
    bytes
}

/// An EXIF block with one entry, the orientation.
fn orientation(value: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([value, 0, 0, 0, 0, 0, 0, 0]);
    exif
}

fn decode(bytes: &[u8]) -> Result<Picture, BadPicture> {
    Picture::decode(bytes, 8, &Limits::default())
}

fn pixel(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    picture.pixels()[(y * picture.size() as usize + x) * 3..][..3].try_into().unwrap()
}

#[track_caller]
fn check_near(found: [u8; 3], expected: [u8; 3]) {
    assert!(
        found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12),
        "{found:?} is not near {expected:?}"
    );
}

#[track_caller]
fn check_bad(bytes: &[u8], reason: &str) {
    assert_eq!(decode(bytes).map_err(|bad| bad.reason()), Err(reason));
}

#[test]
fn every_format_gives_a_square() {
    let image = DynamicImage::ImageRgb8(halves(40, 20));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let picture = decode(&encode(&image, format)).unwrap();
        assert_eq!((picture.size(), picture.pixels().len()), (8, 8 * 8 * 3));
        check_near(pixel(&picture, 0, 4), [255, 0, 0]);
        check_near(pixel(&picture, 7, 4), [0, 0, 255]);
    }
}

#[test]
fn exif_turns_it_upright() {
    // Orientation 6: the camera was held so that the right side is down.
    let picture = decode(&jpeg(&halves(40, 20), Some(orientation(6)))).unwrap();
    check_near(pixel(&picture, 4, 0), [255, 0, 0]);
    check_near(pixel(&picture, 4, 7), [0, 0, 255]);
}

#[test]
fn transparency_becomes_white() {
    let image = RgbaImage::from_fn(8, 8, |x, _| Rgba(if x < 4 { [9, 9, 9, 0] } else { [0, 0, 0, 128] }));
    let picture = decode(&encode(&DynamicImage::ImageRgba8(image), ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&picture, 0, 0), [255; 3]);
    assert_eq!(pixel(&picture, 7, 0), [127; 3]);
}

#[test]
fn an_animation_is_its_first_frame() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for color in [[0, 255, 0, 255], [255, 0, 0, 255]] {
        encoder.encode_frame(Frame::new(RgbaImage::from_pixel(8, 8, Rgba(color)))).unwrap();
    }
    drop(encoder);
    assert_eq!(pixel(&decode(&bytes).unwrap(), 3, 3), [0, 255, 0]);
}

#[test]
fn grey_and_sixteen_bits_are_colours_too() {
    for image in [
        DynamicImage::ImageLuma8(image::GrayImage::from_pixel(5, 5, image::Luma([200]))),
        DynamicImage::ImageRgb16(image::ImageBuffer::from_pixel(5, 5, image::Rgb([200 * 257; 3]))),
    ] {
        assert_eq!(pixel(&decode(&encode(&image, ImageFormat::Png)).unwrap(), 3, 3), [200; 3]);
    }
}

#[test]
fn what_cannot_be_used_is_told_apart() {
    let whole = jpeg(&halves(64, 64), None);
    check_bad(b"", "empty");
    check_bad(b"<html>not found</html>", "unknown_format");
    check_bad(&whole[..whole.len() / 2], "truncated");
    check_bad(&whole[..whole.len() - 2], "truncated");
    let png = encode(&DynamicImage::ImageRgb8(halves(64, 64)), ImageFormat::Png);
    check_bad(&png[..png.len() / 2], "corrupt");
    check_bad(b"\xff\xd8\xff\xd9", "corrupt");
    assert!(decode(&[&whole[..], b"trailing"].concat()).is_ok());
}

/// A broken download whose thumbnail, in a segment before the picture, has an end of its own.
#[test]
fn a_thumbnails_end_is_not_the_pictures() {
    let whole = jpeg(&halves(64, 64), Some([orientation(1), jpeg(&halves(8, 8), None)].concat()));
    assert!(decode(&whole).is_ok());
    check_bad(&whole[..whole.len() - 40], "truncated");
}

/// A PNG of some bytes that claims 60,000 by 60,000 pixels.
#[test]
fn a_huge_claim_is_refused_before_it_costs_memory() {
    let mut png = encode(&DynamicImage::ImageRgb8(halves(4, 4)), ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    check_bad(&png, "too_large");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (!(crc & 1)).wrapping_add(1)))
    })
}

#[test]
fn files_are_bounded_and_may_be_missing() {
    let open = |path: &Path, max_file_bytes| {
        let limits = Limits { max_file_bytes, ..Limits::default() };
        Picture::open(path, 8, &limits).map_err(|bad| bad.reason())
    };
    let folder = tempfile::tempdir().unwrap();
    // The name lies about the format; the bytes count.
    let path = folder.path().join("a.gif");
    File::create(&path).unwrap().write_all(&jpeg(&halves(64, 64), None)).unwrap();
    assert!(open(&path, 1 << 20).is_ok());
    assert_eq!(open(&path, 100), Err("too_large"));
    assert_eq!(open(&folder.path().join("b.jpg"), 100), Err("missing"));
    assert_eq!(open(folder.path(), 100), Err("unreadable"));
}

/// A cache holds pixels that earlier versions made. Where this fails, the version in `cache.rs` has to be raised.
#[test]
fn the_pixels_are_pinned() {
    let image = RgbImage::from_fn(37, 23, |x, y| image::Rgb([x as u8 * 6, y as u8 * 11, (x * y) as u8]));
    let picture = decode(&encode(&DynamicImage::ImageRgb8(image), ImageFormat::Png)).unwrap();
    let hash = blake3::hash(picture.pixels()).to_hex();
    assert_eq!(hash[..16], *"f34bed945680c2ff");
}

fn thumbnail(bytes: &[u8], longest: u16) -> Result<Thumbnail, BadPicture> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    Thumbnail::open(file.path(), longest, &Limits::default())
}

fn shown(thumbnail: &Thumbnail) -> RgbImage {
    let image = image::load_from_memory_with_format(&thumbnail.jpeg, ImageFormat::Jpeg).unwrap().into_rgb8();
    assert_eq!(image.dimensions(), (thumbnail.width, thumbnail.height));
    image
}

#[track_caller]
fn check_shape(size: (u32, u32), longest: u16, expected: (u32, u32)) {
    let image = DynamicImage::ImageRgb8(halves(size.0, size.1));
    let thumbnail = thumbnail(&encode(&image, ImageFormat::Png), longest).unwrap();
    assert_eq!(shown(&thumbnail).dimensions(), expected);
}

#[test]
fn a_thumbnail_keeps_the_shape() {
    check_shape((400, 300), 100, (100, 75));
    check_shape((300, 400), 100, (75, 100));
    check_shape((7, 5), 100, (7, 5));
    check_shape((1, 5000), 100, (1, 100));
    check_shape((5000, 1), 100, (100, 1));
    check_shape((40, 20), 0, (1, 1));
}

#[test]
fn a_thumbnail_stands_upright() {
    let thumbnail = thumbnail(&jpeg(&halves(400, 200), Some(orientation(6))), 64).unwrap();
    let image = shown(&thumbnail);
    assert_eq!(image.dimensions(), (32, 64));
    check_near(image.get_pixel(16, 8).0, [255, 0, 0]);
    check_near(image.get_pixel(16, 56).0, [0, 0, 255]);
}

#[test]
fn a_thumbnail_lies_on_white() {
    let image = RgbaImage::from_pixel(80, 80, Rgba([9, 9, 9, 0]));
    let thumbnail = thumbnail(&encode(&DynamicImage::ImageRgba8(image), ImageFormat::Png), 16).unwrap();
    check_near(shown(&thumbnail).get_pixel(8, 8).0, [255; 3]);
}

#[test]
fn no_thumbnail_of_what_is_no_picture() {
    assert_eq!(thumbnail(b"<html>", 16), Err(BadPicture::UnknownFormat));
    assert_eq!(Thumbnail::open(Path::new("none.jpg"), 16, &Limits::default()), Err(BadPicture::Missing));
}
