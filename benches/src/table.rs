//! Figures with their medians and spreads, and the table that they make.

use std::{collections::BTreeMap, fmt::Write};

/// A figure of several rounds.
#[derive(Debug, Clone, Default)]
pub struct Figure(Vec<f64>);

impl Figure {
    /// One value, which every round would give.
    pub fn exact(value: f64) -> Self {
        Self(vec![value])
    }

    /// Takes the value of a round.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The median.
    pub fn median(&self) -> f64 {
        match self.0.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => self.0[length / 2],
            length => f64::midpoint(self.0[length / 2 - 1], self.0[length / 2]),
        }
    }

    /// The value below which such a share of them lies.
    pub fn at(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let nth = (last as f64 * share).round() as usize;
        self.0.get(nth).copied().unwrap_or(f64::NAN)
    }

    fn shown(&self) -> String {
        let short = |value: f64| match value.abs() {
            value if value >= 1000.0 => format!("{value:.0}"),
            value if value >= 100.0 => format!("{value:.1}"),
            value if value >= 10.0 => format!("{value:.2}"),
            _ => format!("{value:.3}"),
        };
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) if first != last => {
                let median = short(self.median());
                format!("{median} ({} to {})", short(*first), short(*last))
            }
            _ => short(self.median()),
        }
    }
}

/// A comparison: what is measured, of Rewind and of what it is compared with.
#[derive(Debug, Clone)]
pub struct Line {
    /// The row of the table that it belongs to.
    pub row: u8,
    pub what: String,
    pub unit: &'static str,
    pub own: Figure,
    /// Its name, and its figure; none where there is only a bound.
    pub baseline: Option<(String, Figure)>,
    pub target: Option<Target>,
}

/// What a figure has to reach.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// Own by baseline: at most.
    RatioAtMost(f64),
    /// Baseline by own: at least, where less is better.
    TimesLess(f64),
    /// Own by baseline: at least, where more is better.
    TimesMore(f64),
    /// Own alone.
    AtMost(f64),
}

impl Line {
    /// A figure of Rewind alone.
    pub fn alone(row: u8, what: impl Into<String>, unit: &'static str, own: Figure) -> Self {
        Self {
            row,
            what: what.into(),
            unit,
            own,
            baseline: None,
            target: None,
        }
    }

    /// Beside a baseline.
    #[must_use]
    pub fn beside(mut self, name: impl Into<String>, figure: Figure) -> Self {
        self.baseline = Some((name.into(), figure));
        self
    }

    /// With a target.
    #[must_use]
    pub fn reaching(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    fn ratio(&self) -> Option<f64> {
        let (_, baseline) = self.baseline.as_ref()?;
        let ratio = match self.target {
            Some(Target::TimesLess(_)) => baseline.median() / self.own.median(),
            _ => self.own.median() / baseline.median(),
        };
        ratio.is_finite().then_some(ratio)
    }

    fn cells(&self) -> [String; 6] {
        let (name, figure) = match &self.baseline {
            Some((name, figure)) => (name.clone(), figure.shown()),
            None => ("–".into(), "–".into()),
        };
        let ratio = self.ratio();
        let shown = ratio.map_or("–".into(), |ratio| match self.target {
            Some(Target::TimesLess(_)) => format!("{ratio:.2} × less"),
            _ => format!("{ratio:.2} ×"),
        });
        let (target, is_met) = match self.target {
            None => ("–".to_string(), None),
            Some(Target::RatioAtMost(most)) => (
                format!("at most {most} ×"),
                ratio.map(|ratio| ratio <= most),
            ),
            Some(Target::TimesLess(least)) => (
                format!("at least {least} × less"),
                ratio.map(|ratio| ratio >= least),
            ),
            Some(Target::TimesMore(least)) => (
                format!("at least {least} ×"),
                ratio.map(|ratio| ratio >= least),
            ),
            Some(Target::AtMost(most)) => {
                (format!("at most {most}"), Some(self.own.median() <= most))
            }
        };
        let verdict = match is_met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        };
        [
            format!("{} ({})", self.what, self.unit),
            self.own.shown(),
            format!("{name}: {figure}").replace("–: –", "–"),
            shown,
            target,
            verdict.to_string(),
        ]
    }
}

/// The table in Markdown, row by row.
pub fn markdown(lines: &[Line]) -> String {
    let mut rows: BTreeMap<u8, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        rows.entry(line.row).or_default().push(line);
    }
    let heads = [
        "#", "what", "Rewind", "beside", "ratio", "target", "verdict",
    ];
    let mut text = format!(
        "| {} |\n|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for (row, lines) in rows {
        for line in lines {
            let _ = writeln!(text, "| {row} | {} |", line.cells().join(" | "));
        }
    }
    text
}
