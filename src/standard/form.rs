//! The forms of continuing education, clause 9.4.1.2.

use super::choice::choice;

choice! {
    /// How hours were studied 继续教育形式, clause 9.4.1.2. The standard's list a) to c) is not exhaustive.
    pub enum StudyForm {
        /// Took part in a training lecture, 9.4.1.2 a).
        Lecture = "lecture", "培训讲座";
        /// Took part in an academic exchange, 9.4.1.2 b).
        Exchange = "exchange", "学术交流";
        /// Published professional results, 9.4.1.2 c).
        Publication = "publication", "发表专业成果";
        /// Lessons of the platform itself, chapter 10.
        Online = "online", "线上课程";
        /// Any other form, which needs a reason: the list of 9.4.1.2 is open.
        Other = "other", "其他";
    }
}

impl StudyForm {
    /// The clause that names this form.
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Lecture => "9.4.1.2 a)",
            Self::Exchange => "9.4.1.2 b)",
            Self::Publication => "9.4.1.2 c)",
            Self::Online => "[10.1]",
            Self::Other => "9.4.1.2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_has_one_word_one_chinese_name_and_a_clause() {
        let table = [
            (StudyForm::Lecture, "lecture", "培训讲座", "9.4.1.2 a)"),
            (StudyForm::Exchange, "exchange", "学术交流", "9.4.1.2 b)"),
            (StudyForm::Publication, "publication", "发表专业成果", "9.4.1.2 c)"),
            (StudyForm::Online, "online", "线上课程", "[10.1]"),
            (StudyForm::Other, "other", "其他", "9.4.1.2"),
        ];
        assert_eq!(table.map(|row| row.0).as_slice(), StudyForm::ALL);
        for (form, word, chinese, clause) in table {
            assert_eq!((form.as_str(), form.chinese(), form.clause()), (word, chinese, clause));
            assert_eq!(word.parse(), Ok(form));
            let json = serde_json::to_string(&form).unwrap();
            assert_eq!(json, format!("\"{word}\""));
            assert_eq!(serde_json::from_str::<StudyForm>(&json).unwrap(), form);
        }
    }

    #[test]
    fn a_word_off_the_list_is_refused_with_the_list() {
        for word in ["", "Lecture", " lecture", "lectures", "培训讲座"] {
            let error = word.parse::<StudyForm>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{word}` is not one of: lecture, exchange, publication, online, other")
            );
        }
        assert!(serde_json::from_str::<StudyForm>("3").is_err());
    }
}
