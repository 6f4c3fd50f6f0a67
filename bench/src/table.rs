use crate::{
    cost::Cost,
    paired::{self, Finding},
};

/// One client's rounds.
pub struct Column {
    name: String,
    costs: Vec<Cost>,
}

impl Column {
    pub fn new(name: String) -> Self {
        Self { name, costs: Vec::new() }
    }

    pub fn add(&mut self, cost: Cost) {
        self.costs.push(cost);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut costs: Vec<f64> = self.costs.iter().map(Cost::per_thousand).collect();
        costs.sort_by(f64::total_cmp);
        costs
    }

    fn median(&self) -> f64 {
        paired::median(&self.sorted()).unwrap_or(f64::NAN)
    }

    /// The ratios of its rounds to those of the other one, and what they show.
    fn compared(&self, to: &Self) -> (String, &'static str) {
        if std::ptr::eq(self, to) {
            return ("1".to_owned(), "");
        }
        let ratios: Vec<f64> = self
            .costs
            .iter()
            .zip(&to.costs)
            .map(|(cost, to)| cost.per_thousand() / to.per_thousand())
            .collect();
        let Some(median) = paired::median(&ratios) else { return (String::new(), "") };
        let interval = paired::interval(&ratios);
        let finding = match paired::finding(interval.as_ref()) {
            Finding::Shown => "shown",
            Finding::NotShown => "not shown",
            Finding::Refuted => "refuted",
        };
        match interval {
            Some(interval) => {
                (format!("{median:.3} ({:.3} to {:.3})", interval.least, interval.most), finding)
            }
            None => (format!("{median:.3} (too few rounds)"), finding),
        }
    }

    fn rate(&self) -> f64 {
        let rates: Vec<f64> = self.costs.iter().map(|cost| cost.polls as f64 / cost.wall).collect();
        paired::median(&rates).unwrap_or(f64::NAN)
    }
}

/// The clients of one comparison; ratios are to the first one.
pub struct Table<'a> {
    pub title: &'a str,
    pub first: usize,
    pub columns: &'a [Column],
}

impl Table<'_> {
    /// As Markdown.
    pub fn print(&self) {
        let Some(reference) = self.columns.get(self.first) else { return };
        println!("\n{}\n", self.title);
        println!("| client | ratio | CPU s per 1,000 polls: median | least to most | polls a second |");
        println!("|---|---|---|---|---|");
        for column in self.columns {
            if column.costs.is_empty() {
                println!("| {} | not installed | | | |", column.name);
                continue;
            }
            let costs = column.sorted();
            let (least, most) = (costs.first().unwrap_or(&f64::NAN), costs.last().unwrap_or(&f64::NAN));
            println!(
                "| {} | {:.2} | {:.4} | {least:.4} to {most:.4} | {:.0} |",
                column.name,
                column.median() / reference.median(),
                column.median(),
                column.rate(),
            );
        }
    }
}

/// One client of a comparison by pairs.
pub struct Paired<'a> {
    pub column: &'a Column,
    /// The one whose costs in the same rounds it is compared with.
    pub to: Option<&'a Column>,
}

/// Clients whose rounds are compared one by one.
pub struct PairedTable<'a> {
    pub title: &'a str,
    pub rows: &'a [Paired<'a>],
}

impl PairedTable<'_> {
    /// As Markdown.
    pub fn print(&self) {
        println!("\n{}\n", self.title);
        println!(
            "| client | CPU s per 1,000 polls: median (least to most) | to rackpoll: median of the rounds' ratios (interval) \
             | rackpoll needs less | polls a second |"
        );
        println!("|---|---|---|---|---|");
        for Paired { column, to } in self.rows {
            let costs = column.sorted();
            let (Some(least), Some(most)) = (costs.first(), costs.last()) else {
                println!("| {} | not installed | | | |", column.name);
                continue;
            };
            let (ratios, finding) = to.map_or((String::new(), ""), |to| column.compared(to));
            println!(
                "| {} | {:.4} ({least:.4} to {most:.4}) | {ratios} | {finding} | {:.0} |",
                column.name,
                column.median(),
                column.rate(),
            );
        }
    }
}
