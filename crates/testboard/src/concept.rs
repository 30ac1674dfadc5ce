//! What can be seen in a picture, and the tag that people give it.

/// An enum of concepts of one sort, each with its tag.
macro_rules! concepts {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $tag:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("Tagged `", $tag, "`.")] $variant,)*
        }

        impl $name {
            /// All of this sort.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The tag that says it.
            pub const fn tag(self) -> &'static str {
                match self { $($name::$variant => $tag,)* }
            }
        }

        impl From<$name> for Concept {
            fn from(concept: $name) -> Concept {
                Concept::$name(concept)
            }
        }
    };
}

concepts! {
    /// A thing that is drawn.
    Thing {
        Circle "circle", Square "square", Triangle "triangle", Diamond "diamond", Star "star", Ring "ring", Cross "cross",
        Heart "heart", Arrow "arrow", Face "smiley", Sun "sun", Moon "moon", Cloud "cloud", House "house", Tree "tree",
        Flower "flower", Mushroom "mushroom", Cat "cat", Fish "fish", Car "car", Boat "boat", Balloon "balloon",
        Umbrella "umbrella",
    }
}
concepts! {
    /// A colour that covers a good part of the picture.
    Colour {
        Red "red", Orange "orange", Yellow "yellow", Green "green", Blue "blue", Purple "purple", Pink "pink",
        Brown "brown", White "white", Black "black",
    }
}
concepts! {
    /// A pattern behind the things.
    Texture {
        Stripes "stripes", Dots "polka dots", Checkerboard "checkerboard", Noise "noise", Gradient "gradient",
    }
}
concepts! {
    /// How many things there are.
    Count {
        Single "single", Pair "pair", Group "group", Crowd "crowd",
    }
}
concepts! {
    /// Where the picture plays.
    Place {
        Sky "sky", Meadow "grass", Night "night", Sea "sea", Desert "desert", Snow "snow", Forest "forest", City "city",
        Sunset "sunset",
    }
}
concepts! {
    /// How the picture is made.
    Style {
        Outline "line art", Blurred "blurred", Greyscale "black and white", Framed "frame", Pixelated "pixel art",
        CloseUp "close-up",
    }
}
concepts! {
    /// What falls from the sky or stands in it.
    Weather {
        Rain "rain", Rainbow "rainbow",
    }
}
concepts! {
    /// What follows from other concepts, as people say it.
    Notion {
        Geometry "geometry", Animal "animal", Vehicle "vehicle", Plant "plant", Landscape "landscape",
        Colourful "colourful",
    }
}

/// Something that can truly be seen in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Concept {
    /// A thing that is drawn.
    Thing(Thing),
    /// A colour of a good part of the picture.
    Colour(Colour),
    /// A pattern behind the things.
    Texture(Texture),
    /// How many things there are.
    Count(Count),
    /// Where the picture plays.
    Place(Place),
    /// How the picture is made.
    Style(Style),
    /// Weather.
    Weather(Weather),
    /// What follows from other concepts.
    Notion(Notion),
}

impl Concept {
    /// Every concept there is.
    pub fn all() -> impl Iterator<Item = Concept> {
        fn of<T: Copy + Into<Concept>>(sort: &'static [T]) -> impl Iterator<Item = Concept> {
            sort.iter().map(|concept| (*concept).into())
        }
        of(Thing::ALL)
            .chain(of(Colour::ALL))
            .chain(of(Texture::ALL))
            .chain(of(Count::ALL))
            .chain(of(Place::ALL))
            .chain(of(Style::ALL))
            .chain(of(Weather::ALL))
            .chain(of(Notion::ALL))
    }

    /// The tag that people give it.
    pub const fn tag(self) -> &'static str {
        match self {
            Concept::Thing(concept) => concept.tag(),
            Concept::Colour(concept) => concept.tag(),
            Concept::Texture(concept) => concept.tag(),
            Concept::Count(concept) => concept.tag(),
            Concept::Place(concept) => concept.tag(),
            Concept::Style(concept) => concept.tag(),
            Concept::Weather(concept) => concept.tag(),
            Concept::Notion(concept) => concept.tag(),
        }
    }
}

impl Place {
    /// The colour that the place itself has.
    pub const fn colour(self) -> Option<Colour> {
        match self {
            Place::Sky | Place::Sea => Some(Colour::Blue),
            Place::Meadow | Place::Forest => Some(Colour::Green),
            Place::Night => Some(Colour::Black),
            Place::Desert => Some(Colour::Yellow),
            Place::Snow => Some(Colour::White),
            Place::City => None,
            Place::Sunset => Some(Colour::Orange),
        }
    }
}

impl Thing {
    /// What a thing is besides itself.
    pub const fn notion(self) -> Option<Notion> {
        match self {
            Thing::Circle
            | Thing::Square
            | Thing::Triangle
            | Thing::Diamond
            | Thing::Star
            | Thing::Ring
            | Thing::Cross => Some(Notion::Geometry),
            Thing::Cat | Thing::Fish => Some(Notion::Animal),
            Thing::Car | Thing::Boat | Thing::Balloon => Some(Notion::Vehicle),
            Thing::Tree | Thing::Flower | Thing::Mushroom => Some(Notion::Plant),
            _ => None,
        }
    }

    /// Whether it looks the same however it is turned. Other things lean only a little: few examples have to be enough
    /// to learn them, and a square on its tip would be taken for a diamond.
    pub(crate) const fn turns_freely(self) -> bool {
        matches!(self, Thing::Circle | Thing::Ring | Thing::Star | Thing::Sun)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tags_are_distinct_and_many() {
        let tags: BTreeSet<&str> = Concept::all().map(Concept::tag).collect();
        assert_eq!(tags.len(), Concept::all().count());
        assert!(tags.len() >= 60, "{}", tags.len());
    }
}
