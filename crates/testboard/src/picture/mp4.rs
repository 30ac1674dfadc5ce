//! The smallest MP4 that a parser takes for a film: every box in its place, one sample that decodes to nothing.
//!
//! Boxes as in ISO/IEC 14496-12.

/// A film of one sample of `payload` bytes that claims a size and a length.
pub(crate) fn movie(width: u16, height: u16, seconds: u32, payload: &[u8]) -> Vec<u8> {
    let kind = atom(b"ftyp", &[b"isom", &word(512), b"isom", b"iso2", b"avc1", b"mp41"]);
    // The position of the sample is part of the header: measured once with a position of nought.
    let header_length = header(width, height, seconds, payload.len() as u32, 0).len();
    let position = (kind.len() + header_length + 8) as u32;
    let mut bytes = kind;
    bytes.extend(header(width, height, seconds, payload.len() as u32, position));
    bytes.extend(atom(b"mdat", &[payload]));
    bytes
}

fn header(width: u16, height: u16, seconds: u32, length: u32, position: u32) -> Vec<u8> {
    let duration = word(seconds * 1000);
    let timescale = word(1000);
    let movie_header = atom(
        b"mvhd",
        &[&[0; 12], &timescale, &duration, &word(0x1_0000), &[1, 0], &[0; 10], &IDENTITY, &[0; 24], &word(2)],
    );
    let track_header = atom(
        b"tkhd",
        &[
            &word(3),
            &[0; 8],
            &word(1),
            &[0; 4],
            &duration,
            &[0; 16],
            &IDENTITY,
            &word(u32::from(width) << 16),
            &word(u32::from(height) << 16),
        ],
    );
    let media_header = atom(b"mdhd", &[&[0; 12], &timescale, &duration, &[0x55, 0xc4, 0, 0]]);
    let handler = atom(b"hdlr", &[&[0; 8], b"vide", &[0; 12], b"testboard\0"]);
    let configuration = atom(b"avcC", &[&[1, 66, 0, 30, 0xff, 0xe0, 0]]);
    let codec = atom(
        b"avc1",
        &[
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 16],
            &width.to_be_bytes(),
            &height.to_be_bytes(),
            &word(0x48_0000),
            &word(0x48_0000),
            &word(0),
            &[0, 1],
            &[0; 32],
            &[0, 24, 0xff, 0xff],
            &configuration,
        ],
    );
    let samples = atom(
        b"stbl",
        &[
            &atom(b"stsd", &[&word(0), &word(1), &codec]),
            &atom(b"stts", &[&word(0), &word(1), &word(1), &duration]),
            &atom(b"stsc", &[&word(0), &word(1), &word(1), &word(1), &word(1)]),
            &atom(b"stsz", &[&word(0), &word(length), &word(1)]),
            &atom(b"stco", &[&word(0), &word(1), &word(position)]),
        ],
    );
    let location = atom(b"dinf", &[&atom(b"dref", &[&word(0), &word(1), &atom(b"url ", &[&word(1)])])]);
    let information = atom(b"minf", &[&atom(b"vmhd", &[&word(1), &[0; 8]]), &location, &samples]);
    let media = atom(b"mdia", &[&media_header, &handler, &information]);
    atom(b"moov", &[&movie_header, &atom(b"trak", &[&track_header, &media])])
}

/// No rotation, no scaling.
const IDENTITY: [u8; 36] = {
    let mut matrix = [0; 36];
    matrix[1] = 1;
    matrix[17] = 1;
    matrix[32] = 0x40;
    matrix
};

fn word(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

fn atom(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(word(length as u32));
    bytes.extend(kind);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The boxes of a level, by name.
    fn boxes(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            found.push((String::from_utf8(bytes[4..8].to_vec()).unwrap(), &bytes[8..length]));
            bytes = &bytes[length..];
        }
        found
    }

    #[test]
    fn boxes_add_up_and_the_sample_is_where_the_header_says() {
        let film = movie(640, 360, 7, b"sample");
        let top = boxes(&film);
        let names: Vec<&str> = top.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["ftyp", "moov", "mdat"]);
        let inside = boxes(top[1].1);
        assert_eq!(inside[0].0, "mvhd");
        assert_eq!(inside[0].1.len(), 100);
        assert_eq!(boxes(inside[1].1)[0].1.len(), 84);
        let start = film.windows(4).position(|four| four == b"stco").unwrap() + 12;
        let position = u32::from_be_bytes(film[start..start + 4].try_into().unwrap()) as usize;
        assert_eq!(&film[position..], b"sample");
    }
}
