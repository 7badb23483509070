//! What is wrong with a PDF, in English and Chinese.

use super::Attachment;
use super::MAX_PDF;

/// Why a PDF is not one of our writer's. `Display` is the English text, [`PdfError::zh`] the Chinese one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// Too many bytes.
    #[error("the PDF has more than {MAX_PDF} bytes")]
    TooLarge,
    /// Another beginning.
    #[error("the file does not begin with the header of a PDF 1.7 of this writer")]
    Header,
    /// Another end.
    #[error("the file does not end with startxref, an offset and %%EOF, or bytes follow them")]
    End,
    /// The table or the trailer is not of the form.
    #[error("the cross-reference table and its trailer, to the end of the file, are not of the required form")]
    Table,
    /// An object is not where the table says, or bytes between objects belong to none.
    #[error("object {object} does not fill the place that the cross-reference table gives it")]
    Object {
        /// Its number.
        object: usize,
    },
    /// Bytes that are no value of the grammar.
    #[error("object {object} is not of the required form, {left} bytes before its end or limit")]
    Syntax {
        /// The object.
        object: usize,
        /// How many bytes are left from there.
        left: usize,
    },
    /// Too many levels.
    #[error("object {object} is nested too deep")]
    Depth {
        /// The object.
        object: usize,
    },
    /// A key stands twice in a dictionary.
    #[error("object {object} has the key /{key} twice in a dictionary")]
    KeyTwice {
        /// The object.
        object: usize,
        /// The key.
        key: String,
    },
    /// A reference to an object that does not exist.
    #[error("object {object} refers to object {to}, which does not exist")]
    Reference {
        /// The object.
        object: usize,
        /// What it refers to.
        to: usize,
    },
    /// A name that is not allowed.
    #[error("object {object} has the name /{name}, which is not allowed")]
    Forbidden {
        /// The object.
        object: usize,
        /// The name.
        name: String,
    },
    /// A name that tells of attachments stands too often or is missing.
    #[error(
        "the name /{name} stands {count} times in the file instead of {expected}: the attachments are not just the two"
    )]
    Count {
        /// The name.
        name: String,
        /// How often it is there.
        count: usize,
        /// How often it must be.
        expected: usize,
    },
    /// A stream of another length than it says.
    #[error("the stream of object {object} has another length than its /Length")]
    Length {
        /// The object.
        object: usize,
    },
    /// The catalog is not of the form.
    #[error("the catalog is not of the required form")]
    Catalog,
    /// `/AF` and the name tree differ.
    #[error("/AF and the name tree do not name the same two attachments in order")]
    Lists,
    /// A file specification is not of the form.
    #[error("the file specification of {0} is not of the required form")]
    Specification(Attachment),
    /// The stream of an attachment is not of the form.
    #[error("the stream of {0} is not of the required form")]
    Stream(Attachment),
    /// Both attachments are one stream.
    #[error("both attachments are the same stream")]
    SameStream,
    /// Too many bytes when inflated, or as it says.
    #[error("{0} has more than {max} bytes", max = .0.max())]
    Bomb(Attachment),
    /// The compressed data is damaged, cut off, or has bytes after its end.
    #[error("the compressed data of {0} is damaged, cut off, or followed by other bytes")]
    Deflate(Attachment),
    /// Another number of bytes than it says.
    #[error("{0} has another size than its /Size")]
    Size(Attachment),
}

impl PdfError {
    /// The Chinese text.
    pub fn zh(&self) -> String {
        match self {
            Self::TooLarge => format!("PDF 超过 {MAX_PDF} 字节"),
            Self::Header => "文件开头不是本程序所写 PDF 1.7 的文件头".into(),
            Self::End => "文件结尾不是 startxref、偏移量和 %%EOF，或其后还有内容".into(),
            Self::Table => "交叉引用表及其尾部（直至文件结尾）不符合规定形式".into(),
            Self::Object { object } => format!("对象 {object} 与交叉引用表给出的位置不符"),
            Self::Syntax { object, left } => format!("对象 {object} 不符合规定形式（距其结尾或上限 {left} 字节处）"),
            Self::Depth { object } => format!("对象 {object} 嵌套过深"),
            Self::KeyTwice { object, key } => format!("对象 {object} 的一个字典中重复出现键 /{key}"),
            Self::Reference { object, to } => format!("对象 {object} 引用了不存在的对象 {to}"),
            Self::Forbidden { object, name } => format!("对象 {object} 含有不允许的名称 /{name}"),
            Self::Count { name, count, expected } => {
                format!("名称 /{name} 在文件中出现 {count} 次，应为 {expected} 次：附件不是规定的两个")
            }
            Self::Length { object } => format!("对象 {object} 的数据流长度与其 /Length 不符"),
            Self::Catalog => "文档目录（Catalog）不符合规定形式".into(),
            Self::Lists => "/AF 与名称树所列的两个附件不一致或顺序不符".into(),
            Self::Specification(name) => format!("附件 {name} 的文件说明不符合规定形式"),
            Self::Stream(name) => format!("附件 {name} 的数据流不符合规定形式"),
            Self::SameStream => "两个附件是同一数据流".into(),
            Self::Bomb(name) => format!("附件 {name} 超过 {} 字节", name.max()),
            Self::Deflate(name) => format!("附件 {name} 的压缩数据损坏、不完整或其后还有内容"),
            Self::Size(name) => format!("附件 {name} 的大小与其 /Size 不符"),
        }
    }
}
