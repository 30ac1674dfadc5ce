//! The wire form of tags, as lenient as ten years of a drifting board ask for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An entry of a tag list, as far as it could be understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawTag<'a> {
    /// The name as it was typed; `None` when missing, null or no text. A number counts as its digits.
    pub name: Option<Cow<'a, str>>,
    /// The board's confidence.
    pub confidence: Confidence,
    /// What sort of tag it is, on boards that sort them.
    pub category: Option<Cow<'a, str>>,
}

/// A confidence as it may come.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Confidence {
    /// Missing or null: nobody has voted, as 0.
    #[default]
    Unknown,
    /// A number, or a text that is one.
    Number(f64),
    /// Something else.
    Unusable,
}

impl Confidence {
    /// The confidence within `[0, 1]`, where boards have it; `None` for what is no number.
    pub fn value(self) -> Option<f32> {
        match self {
            Confidence::Unknown => Some(0.0),
            // `+ 0.0` makes of -0.0 the 0.0 that it equals, so that both are written alike.
            Confidence::Number(number) if !number.is_nan() => Some((number.clamp(0.0, 1.0) + 0.0) as f32),
            Confidence::Number(_) | Confidence::Unusable => None,
        }
    }
}

/// Reads a tag list and hands on one entry after the other. Names are borrowed where the JSON has no escapes in them.
///
/// # Errors
/// Where the text is no JSON array, which may turn out after entries were handed on.
pub fn each<'a>(json: &'a str, take: impl FnMut(RawTag<'a>)) -> Result<(), serde_json::Error> {
    struct List<F>(F);

    impl<'de, F: FnMut(RawTag<'de>)> Visitor<'de> for List<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of tags")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
            while let Some(tag) = seq.next_element()? {
                (self.0)(tag);
            }
            Ok(())
        }
    }

    let mut json = serde_json::Deserializer::from_str(json);
    json.deserialize_seq(List(take))?;
    json.end()
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Tag,
    Confidence,
    Category,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for RawTag<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawTag<'de>, D::Error> {
        struct Entry;

        impl<'de> Visitor<'de> for Entry {
            type Value = RawTag<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tag")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawTag<'de>, A::Error> {
                let mut tag = RawTag::default();
                while let Some(key) = map.next_key()? {
                    match key {
                        Key::Tag => tag.name = map.next_value::<Scalar<'de>>()?.into_name(),
                        Key::Confidence => {
                            tag.confidence = map.next_value::<Scalar<'de>>()?.into_confidence()
                        }
                        Key::Category => tag.category = map.next_value::<Scalar<'de>>()?.into_name(),
                        Key::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(tag)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawTag<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(RawTag::default())
            }

            fn visit_unit<E>(self) -> Result<RawTag<'de>, E> {
                Ok(RawTag::default())
            }

            fn visit_bool<E>(self, _: bool) -> Result<RawTag<'de>, E> {
                Ok(RawTag::default())
            }

            fn visit_i64<E>(self, _: i64) -> Result<RawTag<'de>, E> {
                Ok(RawTag::default())
            }

            fn visit_u64<E>(self, _: u64) -> Result<RawTag<'de>, E> {
                Ok(RawTag::default())
            }

            fn visit_f64<E>(self, _: f64) -> Result<RawTag<'de>, E> {
                Ok(RawTag::default())
            }

            fn visit_str<E>(self, _: &str) -> Result<RawTag<'de>, E> {
                Ok(RawTag::default())
            }
        }

        deserializer.deserialize_any(Entry)
    }
}

/// A value of a tag's member, whatever its type.
enum Scalar<'a> {
    Null,
    Text(Cow<'a, str>),
    Integer(i128),
    Float(f64),
    Other,
}

impl<'a> Scalar<'a> {
    fn into_name(self) -> Option<Cow<'a, str>> {
        match self {
            Scalar::Text(text) => Some(text),
            Scalar::Integer(number) => Some(number.to_string().into()),
            Scalar::Float(number) => Some(number.to_string().into()),
            Scalar::Null | Scalar::Other => None,
        }
    }

    fn into_confidence(self) -> Confidence {
        match self {
            Scalar::Null => Confidence::Unknown,
            Scalar::Integer(number) => Confidence::Number(number as f64),
            Scalar::Float(number) => Confidence::Number(number),
            Scalar::Text(text) => text.trim().parse().map_or(Confidence::Unusable, Confidence::Number),
            Scalar::Other => Confidence::Unusable,
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar<'de>, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Float(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Integer(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Integer(number.into()))
            }

            fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }

        deserializer.deserialize_any(Any)
    }
}
