use std::{collections::VecDeque, sync::Arc};

use rackpoll_model::{Fault, FaultKind, FruDevice, FruState, Reading};

use super::inventory::Image;
use crate::{
    command::{
        Bridge, Conversation, Effort, Request, Response, Step, completion,
        get_fru_inventory_area_info as info, read_fru_data as read,
    },
    sdr::FruLocator,
    wire::BMC_ADDRESS,
};

/// Bytes of the first read; halved where the BMC does not give so many.
const LARGEST_READ: u8 = 64;
const SMALLEST_READ: u8 = 8;
/// A busy FRU device is asked again so many times.
const TRIES: u8 = 8;
/// FRU devices of one BMC that are read. FRU ids have eight bits.
const DEVICES: usize = 256;

/// A FRU device that the SDR repository names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// FRU id.
    pub id: u8,
    /// Its name.
    pub name: String,
    /// Whether the BMC reads its inventory for us.
    pub readable: bool,
}

impl Located {
    /// The device of a locator; none where it is a memory behind a controller, or no inventory (IPMI 2.0 table 43-12):
    /// those are device type 0x10, and serial memories (0x08 to 0x0F) with modifier 0x02.
    pub(crate) fn new(locator: &FruLocator) -> Option<Self> {
        let FruLocator { device_type, modifier, .. } = *locator;
        let inventory = device_type == 0x10 || (0x08..=0x0f).contains(&device_type) && modifier == 0x02;
        // Modifiers 0x01 and 0x03 are memories of modules and processors, with a form of their own.
        let readable = locator.address == BMC_ADDRESS && matches!(modifier, 0x00 | 0x02);
        (inventory && locator.logical).then(|| Self {
            id: locator.device,
            name: locator.name.clone().into(),
            readable,
        })
    }
}

/// Gives the FRU devices that the SDR repository names, in its order; none where it has not been read.
pub type Locate = Arc<dyn Fn() -> Vec<Located> + Send + Sync>;

/// `fru`: reads the SDR repository where it is new or has changed, then the inventories, and of those only the areas.
pub struct FruPoll {
    repository: Option<Box<dyn Conversation>>,
    locate: Locate,
    waiting: VecDeque<Located>,
    reading: Option<Inventory>,
    devices: Vec<FruDevice>,
    largest_read: u8,
}

/// The inventory that is being read.
struct Inventory {
    device: Located,
    /// None until the device has said how large it is.
    area: Option<(info::AreaInfo, Image)>,
    tries: u8,
    /// The last answer made no sense: fewer bytes are asked for, so that as few as can be are given up.
    careful: bool,
}

impl FruPoll {
    /// `repository` is a poll that leaves the SDR repository in memory, from where `locate` takes it.
    pub fn new(repository: Box<dyn Conversation>, locate: Locate) -> Self {
        Self {
            repository: Some(repository),
            locate,
            waiting: VecDeque::new(),
            reading: None,
            devices: Vec::new(),
            largest_read: LARGEST_READ,
        }
    }

    /// The BMC's own device first, whatever the repository says.
    fn located(&mut self) -> Step {
        self.waiting.push_back(Located { id: 0, name: "Builtin FRU Device".to_owned(), readable: true });
        let named = (self.locate)();
        self.waiting.extend(named.into_iter().filter(|device| device.id != 0 || !device.readable));
        self.waiting.truncate(DEVICES);
        self.next_device()
    }

    fn next_device(&mut self) -> Step {
        while let Some(device) = self.waiting.pop_front() {
            if device.readable {
                let request = info::request(device.id);
                self.reading = Some(Inventory { device, area: None, tries: TRIES, careful: false });
                return Step::Ask(request);
            }
            self.ended(device, FruState::NotAsked);
        }
        Step::Done(Ok(Reading::Fru(std::mem::take(&mut self.devices))))
    }

    fn ended(&mut self, device: Located, state: FruState) {
        self.devices.push(FruDevice { id: device.id, name: device.name, state });
    }

    fn heard(&mut self, answer: &Response) -> Result<Step, Fault> {
        let Some(mut inventory) = self.reading.take() else { return Ok(self.next_device()) };
        if let Some(request) = inventory.heard(answer, &mut self.largest_read)? {
            self.reading = Some(inventory);
            return Ok(Step::Ask(request));
        }
        let state = match inventory.area {
            // A refusal in the middle leaves what was read before.
            Some((_, image)) => FruState::Read(Box::new(image.inventory_so_far())),
            None => FruState::Absent(answer.completion),
        };
        self.ended(inventory.device, state);
        Ok(self.next_device())
    }
}

impl Inventory {
    /// What to ask next; none where the inventory is read, or the device gives no more of it.
    fn heard(&mut self, answer: &Response, largest_read: &mut u8) -> Result<Option<Request>, Fault> {
        match (answer.completion, &mut self.area) {
            (completion::OK, None) => {
                let area = info::decode(&answer.data)?;
                self.area = Some((area, Image::new(area.size)));
            }
            (completion::OK, Some((area, image))) => {
                let Some(missing) = image.missing() else { return Ok(None) };
                match read::decode(&answer.data, area.by_words) {
                    Ok(bytes) => {
                        image.put(missing.start - misalignment(missing.start, area.by_words), bytes);
                        self.careful = false;
                    }
                    // Once more, and less; then the rest is read without these.
                    Err(_) if !self.careful => self.careful = true,
                    Err(_) => {
                        image.lose(missing.start, missing.len().min(SMALLEST_READ.into()));
                        self.careful = false;
                    }
                }
                self.tries = TRIES;
            }
            (completion::NODE_BUSY | read::DEVICE_BUSY, _) if self.tries > 0 => self.tries -= 1,
            (
                completion::PROCESSING_TIMEOUT
                | completion::REQUEST_LENGTH
                | completion::OUT_OF_RANGE
                | completion::CANNOT_RETURN_BYTES
                | completion::UNSPECIFIED
                | 0xc6
                | 0xc8,
                Some(_),
            ) if *largest_read > SMALLEST_READ => *largest_read /= 2,
            _ => return Ok(None),
        }
        Ok(self.next(if self.careful { SMALLEST_READ } else { *largest_read }))
    }

    fn next(&self, largest_read: u8) -> Option<Request> {
        let Some((area, image)) = &self.area else { return Some(info::request(self.device.id)) };
        let missing = image.missing()?;
        let start = missing.start - misalignment(missing.start, area.by_words);
        let length = u8::try_from(missing.end - start).unwrap_or(u8::MAX).min(largest_read);
        let (start, length) = if area.by_words { (start / 2, length.div_ceil(2)) } else { (start, length) };
        // An inventory has at most 65,535 bytes.
        Some(read::request(self.device.id, u16::try_from(start).ok()?, length))
    }
}

/// Bytes by which a read has to begin earlier, where the device counts words.
fn misalignment(start: usize, by_words: bool) -> usize {
    if by_words { start % 2 } else { 0 }
}

impl Conversation for FruPoll {
    fn step(&mut self, answer: Option<Response>) -> Step {
        if let Some(repository) = &mut self.repository {
            match repository.step(answer) {
                // A BMC without a repository has a FRU device all the same.
                Step::Done(Err(fault)) if fault.kind != FaultKind::Refused => return Step::Done(Err(fault)),
                Step::Done(_) => {}
                ask => return ask,
            }
            self.repository = None;
            return self.located();
        }
        match answer {
            None => self.next_device(),
            Some(answer) => self.heard(&answer).unwrap_or_else(|fault| Step::Done(Err(fault))),
        }
    }

    fn patience(&self) -> Option<std::time::Duration> {
        self.repository.as_ref().and_then(|repository| repository.patience())
    }

    fn effort(&mut self, effort: Effort) {
        if let Some(repository) = &mut self.repository {
            repository.effort(effort);
        }
    }

    fn bridge(&self) -> Option<Bridge> {
        self.repository.as_ref().and_then(|repository| repository.bridge())
    }

    fn no_answer(&mut self) -> Step {
        match &mut self.repository {
            Some(repository) => match repository.no_answer() {
                Step::Done(Ok(_)) => {
                    self.repository = None;
                    self.located()
                }
                other => other,
            },
            None => Step::Done(Err(crate::command::bad_answer(read::NAME, "there is none"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use rackpoll_model::FruPart;

    use super::*;
    use crate::command::netfn;

    /// FRU devices with habits.
    struct Bmc {
        bytes: Vec<u8>,
        by_words: bool,
        /// Bytes that one answer may hold.
        most: usize,
        /// The next reads find the device busy.
        busy: u8,
        /// Bytes from here on cannot be read.
        broken_from: usize,
        /// So many of the next answers, or all that have this byte, are said to hold more than they do.
        malformed: (usize, Option<usize>),
        reads: usize,
    }

    struct NoRepository;

    impl Conversation for NoRepository {
        fn step(&mut self, _: Option<Response>) -> Step {
            Step::Done(Ok(Reading::Sdr(Vec::new())))
        }
    }

    fn inventory() -> Vec<u8> {
        let mut bytes = vec![1, 0, 0, 0, 1, 0, 0, 0xfe];
        let mut product = vec![1, 3, 25, 0xc5];
        product.extend(b"maker\xc4name\xc1");
        product.resize(23, 0);
        product.push(product.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte)));
        bytes.extend(product);
        bytes.resize(256, 0xff);
        bytes
    }

    impl Bmc {
        fn new() -> Self {
            Self {
                bytes: inventory(),
                by_words: false,
                most: 64,
                busy: 0,
                broken_from: usize::MAX,
                malformed: (0, None),
                reads: 0,
            }
        }

        fn answer(&mut self, request: &Request) -> Response {
            let bad = |completion| Response { completion, data: Vec::new() };
            assert_eq!(request.netfn, netfn::STORAGE);
            if !matches!(request.data[0], 0 | 2) {
                return bad(completion::NOT_PRESENT);
            }
            if request.command == info::COMMAND {
                return Response { completion: 0, data: vec![0, 1, u8::from(self.by_words)] };
            }
            self.reads += 1;
            if self.busy > 0 {
                self.busy -= 1;
                return bad(read::DEVICE_BUSY);
            }
            let unit = if self.by_words { 2 } else { 1 };
            let start = usize::from(u16::from_le_bytes([request.data[1], request.data[2]])) * unit;
            let length = usize::from(request.data[3]) * unit;
            if length > self.most {
                return bad(completion::CANNOT_RETURN_BYTES);
            }
            if start + length > self.broken_from {
                return bad(completion::UNSPECIFIED);
            }
            let bytes = &self.bytes[start..(start + length).min(self.bytes.len())];
            let mut data = vec![u8::try_from(bytes.len() / unit).unwrap()];
            data.extend(bytes);
            let (next, byte) = &mut self.malformed;
            if *next > 0 || byte.is_some_and(|byte| (start..start + length).contains(&byte)) {
                *next = next.saturating_sub(1);
                data.truncate(data.len() / 2);
            }
            Response { completion: 0, data }
        }
    }

    fn run(bmc: &mut Bmc) -> Vec<FruDevice> {
        let locate: Locate = Arc::new(|| {
            [(0, true), (2, true), (5, true), (6, false)]
                .map(|(id, readable)| Located { id, name: format!("part {id}"), readable })
                .into()
        });
        let mut poll = FruPoll::new(Box::new(NoRepository), locate);
        let mut answer = None;
        for _ in 0..2_000 {
            match poll.step(answer.take()) {
                Step::Ask(request) => answer = Some(bmc.answer(&request)),
                Step::Done(Ok(Reading::Fru(devices))) => return devices,
                Step::Done(other) => panic!("{other:?}"),
            }
        }
        panic!("no end");
    }

    fn names(devices: &[FruDevice]) -> Vec<Option<String>> {
        let name = |device: &FruDevice| match &device.state {
            FruState::Read(inventory) => inventory.product.as_ref().map(|product| product.name.clone()),
            _ => None,
        };
        devices.iter().map(name).collect()
    }

    #[test]
    fn the_builtin_device_and_those_of_the_repository() {
        let mut bmc = Bmc::new();
        let devices = run(&mut bmc);
        assert_eq!(names(&devices), [Some("name".into()), Some("name".into()), None, None]);
        assert_eq!(devices[0].name, "Builtin FRU Device");
        assert_eq!(devices[2].state, FruState::Absent(completion::NOT_PRESENT));
        assert_eq!(devices[3].state, FruState::NotAsked);
        // Header, length of the area, the area: nothing of the empty rest.
        assert_eq!(bmc.reads, 2 * 3);
    }

    #[test]
    fn words_small_buffers_and_busy_devices() {
        for (by_words, most, busy) in [(true, 64, 0), (false, 8, 3), (true, 8, 0), (false, 20, TRIES)] {
            let mut bmc = Bmc { by_words, most, busy, ..Bmc::new() };
            assert_eq!(names(&run(&mut bmc))[0].as_deref(), Some("name"), "{by_words} {most} {busy}");
        }
    }

    #[test]
    fn what_was_read_before_a_refusal_counts() {
        let mut bmc = Bmc { broken_from: 24, ..Bmc::new() };
        let devices = run(&mut bmc);
        let FruState::Read(inventory) = &devices[0].state else { panic!("{devices:?}") };
        assert_eq!(inventory.product.as_ref().unwrap().manufacturer, "maker");
        assert!(bmc.reads < 40);
        let mut bmc = Bmc { busy: u8::MAX, ..Bmc::new() };
        assert_eq!(names(&run(&mut bmc))[0], None);
    }

    #[test]
    fn an_answer_without_sense_costs_its_part_and_no_more() {
        // Once: asked again.
        let mut bmc = Bmc { malformed: (1, None), ..Bmc::new() };
        let devices = run(&mut bmc);
        assert_eq!(names(&devices)[..2], [Some("name".into()), Some("name".into())]);
        // Whenever this byte of the product area is in it.
        for (by_words, most) in [(false, 64), (true, 64), (false, 8)] {
            let mut bmc = Bmc { by_words, most, malformed: (0, Some(14)), ..Bmc::new() };
            let devices = run(&mut bmc);
            assert_eq!(devices.len(), 4);
            for device in &devices[..2] {
                let FruState::Read(inventory) = &device.state else { panic!("{devices:?}") };
                assert_eq!((&inventory.product, &inventory.unreadable[..]), (&None, &[FruPart::Product][..]));
            }
            assert!(bmc.reads < 40, "{}", bmc.reads);
        }
        // Always.
        let devices = run(&mut Bmc { malformed: (usize::MAX, None), ..Bmc::new() });
        let FruState::Read(inventory) = &devices[0].state else { panic!("{devices:?}") };
        assert_eq!(inventory.unreadable, [FruPart::Header]);
    }
}
