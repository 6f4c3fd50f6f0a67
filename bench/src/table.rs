use crate::cost::Cost;

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
        let costs = self.sorted();
        costs.get(costs.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn rate(&self) -> f64 {
        let mut rates: Vec<f64> = self.costs.iter().map(|cost| cost.polls as f64 / cost.wall).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
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
