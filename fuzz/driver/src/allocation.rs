use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The system's allocator, which counts what each thread holds. A fuzzing program makes it its global allocator.
pub struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn add(bytes: isize) {
    // A thread that ends has no counters any more, and nobody asks for them.
    let held = HELD.try_with(|held| {
        held.set(held.get().wrapping_add(bytes));
        held.get()
    });
    if let Ok(held) = held {
        let _ = MOST.try_with(|most| most.set(most.get().max(held)));
    }
}

fn size(layout: Layout) -> isize {
    // A layout is never larger than isize::MAX.
    layout.size().cast_signed()
}

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: every call goes to the system's allocator with what came in, and the counters neither allocate nor panic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(size(layout));
        // SAFETY: the caller's promises are the system's allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(size(layout));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // While the bytes move, both blocks may be there; the larger one stands for both.
        add(new_size.cast_signed().wrapping_sub(size(layout)));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(-size(layout));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The most bytes that `work` held at a time on this thread, over what was held before. 0 where `Counting` is not the
/// global allocator.
pub(crate) fn most_held(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    MOST.set(before);
    work();
    usize::try_from(MOST.get().saturating_sub(before)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_at_a_time_is_counted_and_not_the_sum() {
        let most = most_held(|| {
            for _ in 0..10 {
                std::hint::black_box(Vec::<u8>::with_capacity(1000));
            }
        });
        assert_eq!(most, 1000);
        let most = most_held(|| {
            let mut grown = Vec::<u8>::with_capacity(10);
            grown.reserve_exact(5000);
            let zeroed = vec![0u8; 300];
            std::hint::black_box((grown, zeroed));
        });
        assert_eq!(most, 5300);
        assert_eq!(most_held(|| {}), 0);
    }
}
