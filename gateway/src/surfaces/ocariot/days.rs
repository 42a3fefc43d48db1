//! Ages and days, as existing clients write them.

use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::flaw::Flaw;

/// In which a day may be.
const YEARS: RangeInclusive<i16> = 1678..=2261;

/// That an age is a number above zero, or a day of birth.
///
/// # Errors
/// What is wrong with it.
pub fn check_age(age: &str, today: Date) -> Result<(), Flaw> {
    match is_number(age) {
        true if is_positive(age) => Ok(()),
        true => Err(Flaw::AgeNotPositive),
        false => check_day(age, today),
    }
}

/// Whether an age is a number rather than a day of birth: `-?digits[.digits]`.
pub fn is_number(age: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = age.strip_prefix('-').unwrap_or(age);
    number.split_once('.').map_or(digits(number), |(whole, part)| digits(whole) && digits(part))
}

fn is_positive(number: &str) -> bool {
    !number.starts_with('-') && number.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// That a text is a day until `today`: its form, its year, whether there is such a day, and whether it has come.
///
/// # Errors
/// What is wrong with it.
pub fn check_day(text: &str, today: Date) -> Result<(), Flaw> {
    let (year, month, day) = parts(text).ok_or_else(|| Flaw::NoDate(text.to_owned()))?;
    if !YEARS.contains(&year) {
        return Err(Flaw::YearNotAllowed(text.to_owned()));
    }
    match Date::new(year, month, day) {
        Ok(date) if date <= today => Ok(()),
        Ok(_) => Err(Flaw::InTheFuture(text.to_owned())),
        Err(_) => Err(Flaw::NoSuchDay(text.to_owned())),
    }
}

/// `yyyy-MM-dd`: months from 01 to 12, any two digits for the day.
fn parts(text: &str) -> Option<(i16, i8, i8)> {
    let has_form = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    let mut numbers = text.splitn(3, '-').filter(|_| has_form);
    let parts = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    matches!(parts.1, 1..=12).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 3, 20);

    #[test]
    fn a_number_is_digits_with_one_point_and_a_minus_at_most() {
        for number in ["11", "1.5", "0", "007", "-1", "-0.5", "0.0"] {
            assert!(is_number(number), "{number}");
        }
        for other in ["", "-", ".", "1.", ".5", "+1", "1e3", "1,5", " 1", "١", "--1", "1.2.3", "2020-01-01"] {
            assert!(!is_number(other), "{other}");
        }
    }

    #[test]
    fn an_age_is_above_zero_or_a_day() {
        for age in ["11", "0.001", "2015-02-28", "2026-03-20"] {
            assert_eq!(check_age(age, TODAY), Ok(()), "{age}");
        }
        for age in ["0", "-1", "0.00", "-0"] {
            assert_eq!(check_age(age, TODAY), Err(Flaw::AgeNotPositive), "{age}");
        }
        assert_eq!(check_age("true", TODAY), Err(Flaw::NoDate("true".to_owned())));
    }

    #[test]
    fn a_day_has_form_then_year_then_existence_and_is_past() {
        let told = |text: &str| check_day(text, TODAY).err();
        for form in [
            "",
            "x",
            "2020-1-1",
            "20200101",
            "2020-13-01",
            "2020-00-01",
            "2020-01-01T00:00:00Z",
            "2020/01/01",
            "é020-01-1",
        ] {
            assert_eq!(told(form), Some(Flaw::NoDate(form.to_owned())), "{form}");
        }
        for year in ["1677-12-31", "2262-01-01", "1677-02-31", "0000-01-01", "9999-12-99"] {
            assert_eq!(told(year), Some(Flaw::YearNotAllowed(year.to_owned())), "{year}");
        }
        for day in ["2025-02-29", "2020-01-00", "2020-04-31", "2261-02-99"] {
            assert_eq!(told(day), Some(Flaw::NoSuchDay(day.to_owned())), "{day}");
        }
        assert_eq!(told("2026-03-21"), Some(Flaw::InTheFuture("2026-03-21".to_owned())));
        assert_eq!((told("2026-03-20"), told("1678-01-01"), told("2024-02-29")), (None, None, None));
    }

    proptest! {
        #[test]
        fn every_past_day_is_one(days in 0..120_000_i32) {
            let date = TODAY.checked_sub(jiff::Span::new().days(days)).unwrap();

            prop_assert_eq!(check_day(&date.to_string(), TODAY), Ok(()));
        }

        #[test]
        fn no_text_is_too_odd(text: String) {
            prop_assert!(check_age(&text, TODAY).is_err() || is_number(&text) || text.len() == 10);
        }
    }
}
