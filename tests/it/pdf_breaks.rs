//! Good PDFs made bad, one rule of proofs/FORMATS.md section 17 at a time: objects are changed, and the table is written
//! again, so that this very rule refuses the file and no broken offset. Works on bytes alone and shares no code with `src/`.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

const HEADER: &[u8] = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n";
/// The most bytes of a credential.
const CREDENTIAL_MAX: usize = 1 << 20;

/// A PDF of our writer, taken apart.
#[derive(Clone)]
struct Pdf {
    /// What stands between `k 0 obj` and `endobj`, from object 1 on.
    bodies: Vec<Vec<u8>>,
    /// The trailer behind `/Size`.
    trailer: Vec<u8>,
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// The bytes with the first occurrence of a part replaced.
#[track_caller]
fn replaced(bytes: &[u8], part: &str, new: impl AsRef<[u8]>) -> Vec<u8> {
    let at = find(bytes, part.as_bytes()).unwrap_or_else(|| panic!("there is no {part}"));
    [&bytes[..at], new.as_ref(), &bytes[at + part.len()..]].concat()
}

impl Pdf {
    fn apart(good: &[u8]) -> Self {
        let table = good.windows(6).rposition(|window| window == b"\nxref\n").unwrap() + 1;
        let text = String::from_utf8_lossy(&good[table..]);
        let offsets = text.lines().skip(3).map_while(|line| line.strip_suffix(" 00000 n")?.parse().ok());
        let mut offsets: Vec<usize> = offsets.collect();
        offsets.push(table);
        let body = |(number, pair): (usize, &[usize])| {
            let object = good[pair[0]..pair[1]].strip_prefix(format!("{number} 0 obj\n").as_bytes()).unwrap();
            object.strip_suffix(b"\nendobj\n").unwrap().to_vec()
        };
        let bodies = (1..).zip(offsets.windows(2)).map(body).collect();
        let (_, trailer) = text.split_once("/Size ").unwrap();
        let (trailer, _) = trailer.split_once(">>\nstartxref").unwrap();
        Self { bodies, trailer: trailer.trim_start_matches(|c: char| c.is_ascii_digit()).into() }
    }

    fn together(&self) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f\r\n", self.bodies.len() + 1);
        for (number, body) in (1..).zip(&self.bodies) {
            table += &format!("{:010} 00000 n\r\n", bytes.len());
            bytes.extend([format!("{number} 0 obj\n").as_bytes(), body, b"\nendobj\n"].concat());
        }
        let at = bytes.len();
        bytes.extend(format!("{table}trailer\n<</Size {}", self.bodies.len() + 1).bytes());
        bytes.extend(&self.trailer);
        bytes.extend(format!(">>\nstartxref\n{at}\n%%EOF").bytes());
        bytes
    }

    /// The number of the first object that has this.
    #[track_caller]
    fn number(&self, part: &str) -> usize {
        let found = self.bodies.iter().position(|body| find(body, part.as_bytes()).is_some());
        found.unwrap_or_else(|| panic!("no object has {part}")) + 1
    }

    /// The file with a part of one object replaced, the first that has `mark`.
    #[track_caller]
    fn with(&self, mark: &str, part: &str, new: impl AsRef<[u8]>) -> Vec<u8> {
        let mut changed = self.clone();
        let body = &mut changed.bodies[self.number(mark) - 1];
        *body = replaced(body, part, new);
        changed.together()
    }

    /// The file with more objects at its end.
    fn and(&self, bodies: &[Vec<u8>]) -> Self {
        Self { bodies: [&self.bodies, bodies].concat(), trailer: self.trailer.clone() }
    }

    /// The file with the trailer changed.
    #[track_caller]
    fn trailing(&self, part: &str, new: &str) -> Vec<u8> {
        Self { bodies: self.bodies.clone(), trailer: replaced(&self.trailer, part, new) }.together()
    }

    /// The file with another stream for the credential.
    fn stream(&self, dict: &str, data: &[u8]) -> Vec<u8> {
        let mut changed = self.clone();
        changed.bodies[self.credential_stream() - 1] = stream(dict, data);
        changed.together()
    }

    /// The same with the usual dictionary and this `/Size`.
    fn deflated(&self, size: usize, data: &[u8]) -> Vec<u8> {
        self.stream(&credential_dict(data.len(), size), data)
    }

    fn credential_stream(&self) -> usize {
        self.bodies.iter().position(|body| find(body, b"/Type/EmbeddedFile").is_some()).unwrap() + 1
    }

    fn credential_data(&self) -> &[u8] {
        let body = &self.bodies[self.credential_stream() - 1];
        let data = &body[find(body, b"\nstream\n").unwrap() + 8..];
        data.strip_suffix(b"\nendstream").unwrap()
    }

    fn credential_size(&self) -> usize {
        let body = String::from_utf8_lossy(&self.bodies[self.credential_stream() - 1]).into_owned();
        let size = body.split_once("/Size ").unwrap().1;
        size[..size.find(|c: char| !c.is_ascii_digit()).unwrap()].parse().unwrap()
    }
}

fn stream(dict: &str, data: &[u8]) -> Vec<u8> {
    [dict.as_bytes(), b"\nstream\n", data, b"\nendstream"].concat()
}

fn credential_dict(length: usize, size: usize) -> String {
    format!(
        "<</Length {length}/Type/EmbeddedFile/Filter/FlateDecode/Subtype/application#2Fjson/Params<</Size {size}/ModDate(D:20261122000000Z)>>>>"
    )
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The name of a breakage, and the broken file.
pub(crate) type Broken = (&'static str, Vec<u8>);

/// The file taken apart and put together again: it must be the same.
pub(crate) fn again(good: &[u8]) -> Vec<u8> {
    Pdf::apart(good).together()
}

/// The file with the body of one object changed, and the table written again; `pick` chooses the object.
pub(crate) fn with_body(good: &[u8], pick: usize, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut pdf = Pdf::apart(good);
    let index = pick % pdf.bodies.len();
    pdf.bodies[index] = change(&pdf.bodies[index]);
    pdf.together()
}

/// Every breakage of a good PDF of our writer.
pub(crate) fn breaks(good: &[u8]) -> Vec<Broken> {
    let pdf = Pdf::apart(good);
    [frame(good, &pdf), objects(&pdf), names(&pdf), attachments(&pdf), streams(&pdf)].concat()
}

/// Header, end, table, trailer, and where objects lie.
fn frame(good: &[u8], pdf: &Pdf) -> Vec<Broken> {
    let next = pdf.bodies.len() + 1;
    let table = good.windows(6).rposition(|window| window == b"\nxref\n").unwrap() + 1;
    let entry = |number: usize| find(&good[table..], b" f\r\n").unwrap() + table + 4 + 20 * (number - 1);
    let offset = |number: usize, new: &str| {
        let mut bytes = good.to_vec();
        bytes[entry(number)..][..new.len()].copy_from_slice(new.as_bytes());
        bytes
    };
    let offset_of = |number: usize| String::from_utf8_lossy(&good[entry(number)..][..10]).into_owned();
    let hidden = |number: usize| {
        let mut changed = pdf.clone();
        changed.bodies[1].extend(format!("\nendobj\n{number} 0 obj\n<</Type/Hidden>>").bytes());
        changed.together()
    };
    let update = |prev: &str| {
        let spec = pdf.number("/F(credential.json)");
        let object = [format!("\n{spec} 0 obj\n").as_bytes(), &pdf.bodies[spec - 1], b"\nendobj\n"].concat();
        let tail = format!(
            "xref\n{spec} 1\n{:010} 00000 n\r\ntrailer\n<</Size {next}{}{prev}>>\nstartxref\n{}\n%%EOF",
            good.len() + 1,
            String::from_utf8_lossy(&pdf.trailer),
            good.len() + object.len()
        );
        [good, &object, tail.as_bytes()].concat()
    };
    let xref_stream = {
        let object = format!("{next} 0 obj\n<</Length 0/Type/XRef/Size {}/W[1 4 2]", next + 1);
        let object = [object.as_bytes(), &pdf.trailer, b">>\nstream\n\nendstream\nendobj"].concat();
        [&good[..table], &object, format!("\nstartxref\n{table}\n%%EOF").as_bytes()].concat()
    };
    let swapped = {
        let mut changed = pdf.clone();
        changed.bodies.swap(1, 2);
        let bytes = replaced(&changed.together(), "\n2 0 obj\n", "\nX 0 obj\n");
        replaced(&replaced(&bytes, "\n3 0 obj\n", "\n2 0 obj\n"), "\nX 0 obj\n", "\n3 0 obj\n")
    };
    let start = good.windows(10).rposition(|window| window == b"\nstartxref").unwrap();
    vec![
        ("not a pdf", b"{\"format\":\"cqo-ledger/proof/v1\"}".to_vec()),
        ("empty", Vec::new()),
        ("header alone", HEADER.to_vec()),
        ("cut off", good[..good.len() / 2].to_vec()),
        ("over the size", [good, &vec![b' '; (16 << 20) + 1 - good.len()]].concat()),
        ("bytes before the header", [b"\n", good].concat()),
        ("another version", replaced(good, "%PDF-1.7", "%PDF-2.0")),
        ("bytes after the end", [good, b"\n"].concat()),
        ("two ends", [good, &good[start..]].concat()),
        ("two ends at once", replaced(good, "\n%%EOF", "\n%%EOF\n%%EOF")),
        ("incremental update", update(&format!("/Prev {table}"))),
        ("incremental update without prev", update("")),
        ("prev in the trailer", pdf.trailing("/Root", &format!("/Prev {table}/Root"))),
        ("encrypt in the trailer", pdf.trailing("/ID", "/Encrypt 1 0 R/ID")),
        ("xrefstm in the trailer", pdf.trailing("/ID", "/XRefStm 16/ID")),
        ("root twice in the trailer", pdf.trailing("/Info", "/Root 1 0 R/Info")),
        ("cross-reference stream", xref_stream),
        ("startxref off by one", replaced(good, &format!("\n{table}\n%%"), format!("\n{}\n%%", table + 1))),
        ("startxref with a leading zero", replaced(good, &format!("\n{table}\n%%"), format!("\n0{table}\n%%"))),
        ("table of one entry less", replaced(good, &format!("xref\n0 {next}\n"), format!("xref\n0 {}\n", next - 1))),
        ("size unlike the table", replaced(good, &format!("<</Size {next}/"), format!("<</Size {}/", next + 1))),
        (
            "two sections in the table",
            replaced(good, &format!("xref\n0 {next}\n0000000000 65535 f\r\n"), {
                format!("xref\n0 1\n0000000000 65535 f\r\n1 {}\n", next - 1)
            }),
        ),
        ("entry of a free object", offset(2, &format!("{} 00000 f", offset_of(2)))),
        ("entry of another generation", offset(2, &format!("{} 00001 n", offset_of(2)))),
        ("offset off by one", offset(2, &format!("{:010}", offset_of(2).parse::<usize>().unwrap() + 1))),
        ("offset beyond the file", offset(2, "0099999999")),
        ("offset of ten digits", offset(2, "9999999999")),
        ("two entries of one object", offset(3, &offset_of(2))),
        ("objects out of order", swapped),
        ("comment between objects", {
            let mut changed = pdf.clone();
            changed.bodies[1].extend(b"\nendobj\n%hidden");
            replaced(&changed.together(), "%hidden\nendobj\n", "%hidden-------\n")
        }),
        ("object that is not in the table", hidden(next)),
        ("two objects of one number", hidden(3)),
        ("object of another generation", replaced(good, "\n3 0 obj\n", "\n3 1 obj\n")),
    ]
}

/// What objects are made of.
fn objects(pdf: &Pdf) -> Vec<Broken> {
    let next = pdf.bodies.len() + 1;
    let page = |part: &str, new: &str| pdf.with("/Type/Page/", part, new);
    let extra = |body: &str| pdf.and(&[body.as_bytes().to_vec()]).together();
    vec![
        ("key twice", page("/Type/Page/", "/Type/Page/Type/Page/")),
        ("key twice, apart", page("/Parent ", "/Tabs/R/Parent ")),
        ("escaped name", page("/Type/Page/", "/Type/Page/J#53(app.alert\\(1\\))/")),
        ("wholly escaped name", page("/Type/Page/", "/Type/Page/#4a#53(x)/")),
        ("comment in an object", page("/Type/Page/", "/Type/Page%x\n/")),
        ("line feed in an object", page("/Type/Page/", "/Type/Page\n/")),
        ("two spaces", page("/Parent ", "/Parent  ")),
        ("null byte as a space", page("/Parent ", "/Parent\0")),
        ("string over two lines", extra("<</Title(a\nb)>>")),
        ("string without end", extra("<</Title(a(b)>>")),
        ("string with another escape", extra("<</Title(a\\qb)>>")),
        ("string of half a byte", extra("<</Title<ABC>>>")),
        ("dictionary without end", extra("<</Title(a)")),
        ("two values", extra("<<>><<>>")),
        ("no value", extra("")),
        ("huge number", extra("[99999999999999999999999999999999]")),
        ("number with an exponent", extra("[1e9]")),
        ("number with two points", extra("[1.2.3]")),
        ("reference of another generation", page("/Parent 1 0 R", "/Parent 1 1 R")),
        ("reference to no object", page("/Parent 1 0 R", &format!("/Parent {next} 0 R"))),
        ("reference to a huge number", page("/Parent 1 0 R", "/Parent 99999999 0 R")),
        ("nested too deep", extra(&["[".repeat(17), "]".repeat(17)].concat())),
        ("nested without end", extra(&"[<</A".repeat(100_000))),
        ("long name", extra(&format!("[/{}]", "A".repeat(101)))),
        ("long value", extra(&format!("[{}]", "1 ".repeat(1 << 19)))),
    ]
}

/// What no certificate has.
fn names(pdf: &Pdf) -> Vec<Broken> {
    let catalog = |new: &str| pdf.with("/Type/Catalog", "/Type/Catalog", format!("/Type/Catalog{new}"));
    let page = |new: &str| pdf.with("/Type/Page/", "/Type/Page/", format!("/Type/Page{new}/"));
    let spec = pdf.number("/F(credential.json)");
    let inner = format!("900 0 <</Type/Filespec/F(x)/EF<</F {} 0 R>>>>", pdf.credential_stream());
    let held = deflate(inner.as_bytes());
    let dict = format!("<</Length {}/Type/ObjStm/N 1/First 6/Filter/FlateDecode>>", held.len());
    vec![
        ("javascript when opened", catalog("/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>")),
        ("open action", catalog("/OpenAction[1 0 R/Fit]")),
        ("javascript by name", pdf.with("/Names<<", "/Names<<", "/Names<</JavaScript<</Names[]>>")),
        ("js alone", page("/Tx<</JS(1)>>")),
        ("form", catalog("/AcroForm<</Fields[]>>")),
        ("xfa form", page("/Tx<</XFA(1)>>")),
        ("actions of a page", page("/AA<</O<</S/Named/N/Print>>>>")),
        ("annotations", page("/Annots[]")),
        ("launch", page("/Tx<</S/Launch/Win(a.exe)>>")),
        ("go to another file", page("/Tx<</S/GoToR/D(a)>>")),
        ("go to an embedded file", page("/Tx<</S/GoToE/D(a)>>")),
        ("submit a form", page("/Tx<</S/SubmitForm>>")),
        ("rich media", page("/Tx<</Subtype/RichMedia>>")),
        ("optional content", catalog("/OCProperties<</OCGs[]>>")),
        ("encrypt in an object", page("/Encrypt 1 0 R")),
        ("linearized", pdf.with("/Type/Pages", "/Type/Pages", "/Linearized 1/Type/Pages")),
        ("portfolio", catalog("/Collection<<>>")),
        ("another key in the catalog", catalog("/PageMode/UseAttachments")),
        ("catalog without a language", pdf.with("/Type/Catalog", "/Lang(", "/Long(")),
        ("object stream", pdf.and(&[stream(&dict, &held)]).together()),
        ("file of an annotation", pdf.and(&[format!("<</FS {spec} 0 R>>").into_bytes()]).together()),
        ("associated files of a page", page(&format!("/AF[{spec} 0 R]"))),
    ]
}

/// Which attachments there are, and how they are named.
fn attachments(pdf: &Pdf) -> Vec<Broken> {
    let next = pdf.bodies.len() + 1;
    let (credential, proof) = (pdf.number("/F(credential.json)"), pdf.number("/F(proof.json)"));
    let (first, second) = (pdf.credential_stream(), pdf.credential_stream() + 1);
    let tree = format!("/EmbeddedFiles<</Names[(credential.json){credential} 0 R(proof.json){proof} 0 R]>>");
    let associated = format!("/AF[{credential} 0 R {proof} 0 R]");
    let catalog = |pdf: &Pdf, part: &str, new: String| pdf.with("/Type/Catalog", part, new);
    let third = {
        let spec = replaced(&pdf.bodies[proof - 1], "/F(proof.json)/UF(proof.json)", "/F(z.json)/UF(z.json)");
        let spec =
            replaced(&spec, &format!("/F {second} 0 R/UF {second} 0 R"), format!("/F {0} 0 R/UF {0} 0 R", next + 1));
        pdf.and(&[spec, pdf.bodies[second - 1].clone()])
    };
    let listed = {
        let mut changed = third.clone();
        let body = &mut changed.bodies[pdf.number("/Type/Catalog") - 1];
        *body = replaced(body, "]>>>>/AF", format!("(z.json){next} 0 R]>>>>/AF"));
        *body = replaced(body, &associated, format!("/AF[{credential} 0 R {proof} 0 R {next} 0 R]"));
        changed.together()
    };
    let below = {
        let node =
            format!("<</Limits[(credential.json)(proof.json)]{}>>", &tree["/EmbeddedFiles<<".len()..tree.len() - 2]);
        catalog(&pdf.and(&[node.into_bytes()]), &tree, format!("/EmbeddedFiles<</Kids[{next} 0 R]>>"))
    };
    let swapped = {
        let bytes = catalog(pdf, &associated, format!("/AF[{proof} 0 R {credential} 0 R]"));
        Pdf::apart(&bytes).with(
            "/Type/Catalog",
            &tree,
            tree.replace(&format!("{credential} 0 R"), "X")
                .replace(&format!("{proof} 0 R"), &format!("{credential} 0 R"))
                .replace('X', &format!("{proof} 0 R")),
        )
    };
    let one = {
        let bytes = catalog(pdf, &associated, format!("/AF[{credential} 0 R {credential} 0 R]"));
        let twice = tree.replace(&format!("{proof} 0 R"), &format!("{credential} 0 R"));
        Pdf::apart(&bytes).with("/Type/Catalog", &tree, twice)
    };
    let spec = |part: &str, new: &str| pdf.with("/F(credential.json)", part, new);
    let files = format!("/EF<</F {first} 0 R/UF {first} 0 R>>");
    vec![
        ("third attachment", listed),
        ("third attachment, not listed", third.together()),
        ("only in the associated files", catalog(pdf, &format!("/Names<<{tree}>>"), String::new())),
        ("only in the name tree", catalog(pdf, &associated, String::new())),
        ("associated files unlike the tree", catalog(pdf, &associated, format!("/AF[{credential} 0 R 1 0 R]"))),
        ("associated files in another order", catalog(pdf, &associated, format!("/AF[{proof} 0 R {credential} 0 R]"))),
        ("one associated file", catalog(pdf, &associated, format!("/AF[{credential} 0 R]"))),
        ("associated files by reference", {
            let list = associated.as_bytes()["/AF".len()..].to_vec();
            catalog(&pdf.and(&[list]), &associated, format!("/AF {next} 0 R"))
        }),
        ("name tree with a node below", below),
        ("name tree by reference", {
            let node = tree.as_bytes()["/EmbeddedFiles".len()..].to_vec();
            catalog(&pdf.and(&[node]), &tree, format!("/EmbeddedFiles {next} 0 R"))
        }),
        ("swapped attachments", swapped),
        ("one attachment under both names", one),
        ("name twice in the tree", catalog(pdf, "(proof.json)", "(credential.json)".into())),
        ("name in hexadecimal", spec("/F(credential.json)", "/F<63726564656E7469616C2E6A736F6E>")),
        ("name with an escape", spec("/F(credential.json)", "/F(\\143redential.json)")),
        ("another name", spec("/F(credential.json)/UF(credential.json)", "/F(credential.txt)/UF(credential.txt)")),
        ("two names", spec("/UF(credential.json)", "/UF(proof.json)")),
        ("two streams", spec(&files, &format!("/EF<</F {first} 0 R/UF {second} 0 R>>"))),
        ("both the same stream", spec(&files, &format!("/EF<</F {second} 0 R/UF {second} 0 R>>"))),
        ("no stream", spec(&files, "/EF<</F 1 0 R/UF 1 0 R>>")),
        ("platform of a file", spec(&files, &format!("/EF<</F {first} 0 R/UF {first} 0 R/Unix {second} 0 R>>"))),
        ("file system of a file", spec("/Type/Filespec", "/Type/Filespec/Tx/URL")),
        ("another relationship", spec("/Source", "/Data")),
    ]
}

/// The bytes of an attachment.
fn streams(pdf: &Pdf) -> Vec<Broken> {
    let (data, size) = (pdf.credential_data(), pdf.credential_size());
    let next = pdf.bodies.len() + 1;
    let dict = credential_dict(data.len(), size);
    let length = format!("/Length {}", data.len());
    let changed =
        |part: &str, new: &str| pdf.stream(&String::from_utf8(replaced(dict.as_bytes(), part, new)).unwrap(), data);
    let bomb = deflate(&vec![b' '; CREDENTIAL_MAX + 1]);
    let mut sum = data.to_vec();
    *sum.last_mut().unwrap() ^= 1;
    let mut window = data.to_vec();
    window[..2].copy_from_slice(&[0x68, 0x81]);
    let by_reference = pdf.and(&[data.len().to_string().into_bytes()]);
    vec![
        ("length too short", changed(&length, &format!("/Length {}", data.len() - 1))),
        ("length too long", changed(&length, &format!("/Length {}", data.len() + 1))),
        ("length with a sign", changed(&length, &format!("/Length -{}", data.len()))),
        ("no length", changed(&length, "")),
        ("length by reference", by_reference.stream(&dict.replace(&length, &format!("/Length {next} 0 R")), data)),
        ("carriage return before the data", {
            let mut changed = pdf.clone();
            changed.bodies[pdf.credential_stream() - 1] = replaced(&stream(&dict, data), "\nstream\n", "\nstream\r\n");
            changed.together()
        }),
        ("inflates beyond the limit", pdf.deflated(CREDENTIAL_MAX + 1, &bomb)),
        ("inflates beyond its size", pdf.deflated(size, &bomb)),
        ("size too large", pdf.deflated(size + 1, data)),
        ("size too small", pdf.deflated(size - 1, data)),
        ("data cut off", pdf.deflated(size, &data[..data.len() - 5])),
        ("data without its checksum", pdf.deflated(size, &data[..data.len() - 4])),
        ("bytes after the data", pdf.deflated(size, &[data, b"\n"].concat())),
        ("another stream after the data", pdf.deflated(size, &[data, &deflate(b"{}")].concat())),
        ("wrong checksum", pdf.deflated(size, &sum)),
        ("another window", pdf.deflated(size, &window)),
        ("no data", pdf.deflated(0, b"")),
        ("no filter", changed("/Filter/FlateDecode", "")),
        ("two filters", changed("/Filter/FlateDecode", "/Filter[/FlateDecode/FlateDecode]")),
        ("another filter", changed("/Filter/FlateDecode", "/Filter/LZWDecode")),
        ("predictor", changed("/Filter/FlateDecode", "/Filter/FlateDecode/DecodeParms<</Predictor 12>>")),
        ("data in another file", changed("/Filter/FlateDecode", "/Filter/FlateDecode/F(x)")),
        ("another media type", changed("/application#2Fjson", "/application.json")),
        ("checksum of its own", changed("/Size", "/CheckSum<00>/Size")),
        ("attachment that is no stream", {
            let mut changed = pdf.clone();
            changed.bodies[pdf.credential_stream() - 1] = dict.clone().into_bytes();
            changed.together()
        }),
    ]
}
