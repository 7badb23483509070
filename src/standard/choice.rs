//! One pattern for every closed list of words: the word in files and interfaces, its Chinese, and nothing else.

/// A word that is not on its list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not one of: {expected}")]
pub struct UnknownWord {
    /// The word as it was given.
    pub found: String,
    /// The list, separated by commas.
    pub expected: String,
}

/// Declares an enum whose every variant has one word and one Chinese name, side by side.
///
/// The word is what `Display`, `FromStr` and serde write and read; there is no second spelling.
macro_rules! choice {
    (
        $(#[$doc:meta])*
        pub enum $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $word:literal, $chinese:literal; )+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$variant_doc])* $variant, )+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The word in files and interfaces.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The name in Chinese text.
            pub const fn chinese(self) -> &'static str {
                match self { $( Self::$variant => $chinese, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::standard::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|choice| choice.as_str() == text).ok_or_else(|| {
                    let expected = Self::ALL.iter().map(|choice| choice.as_str()).collect::<Vec<_>>().join(", ");
                    $crate::standard::UnknownWord { found: text.to_owned(), expected }
                })
            }
        }

        $crate::standard::serde_as_text!($name);
    };
}

/// Serialises a type through its `Display` and reads it back through its `FromStr`, so that no invalid value enters.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {choice, serde_as_text};
