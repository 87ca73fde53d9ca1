// SPDX-License-Identifier: MIT
//! The filter uniq: drops a line that repeats the one before it in the same file.
//!
//!     rustc --edition 2021 --crate-type cdylib -C panic=abort -C strip=symbols -O -o filter-uniq.so uniq.rs
//!
//! The plugin ABI is one of plain C structs, so Rust needs no library for it: below are those parts of
//! weir/plugin.h that this filter uses, with the same layout. Members at the end of a table may be left
//! out: each table begins with its own size, and what lies beyond it counts as absent.
//!
//! stateful() asks for one instance that every batch passes in order, in place of one per worker. A
//! panic ends the process (panic=abort): it must not unwind into the host.

use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::size_of;
use std::os::raw::c_char;
use std::ptr;

const ABI_MAJOR: u16 = 1;
const ABI_MINOR: u16 = 0;
const MAGIC: u32 = 0x5745_4952;
const FILTER: u32 = 2;
const DROPPED: u16 = 1;
const GONE: u16 = 1 | 2 | 4;

#[repr(C)]
struct Slice {
    data: *const u8,
    size: u64,
}

#[repr(C)]
struct Block {
    data: *mut u8,
    size: u32,
    used: u32,
}

#[repr(C)]
struct Source {
    struct_size: u32,
    reserved: u32,
    id: [u8; 16],
    name: Slice,
    hex: Slice,
}

#[repr(C)]
struct Record {
    row: u32,
    shape: u16,
    capacity: u16,
    flags: u16,
    line_block: u16,
    line_offset: u32,
    line_length: u32,
    source: u32,
    timestamp_ns: i64,
    position: u64,
    span: u32,
    ordinal: u32,
}

/// Up to the last member that is used here.
#[repr(C)]
struct Batch {
    struct_size: u32,
    flags: u32,
    records: *mut Record,
    values: *mut c_void,
    blocks: *const Block,
    shapes: *const c_void,
    sources: *const *const Source,
    record_count: u32,
}

/// Up to the last member that is used here.
#[repr(C)]
struct Services {
    struct_size: u32,
    abi_major: u16,
    abi_minor: u16,
    before: [*const c_void; 18],
    stateful: extern "C" fn(*mut c_void),
}

type Create = extern "C" fn(
    *const Services,
    *mut c_void,
    *const c_void,
    *mut *mut c_void,
    *mut c_void,
) -> i32;

#[repr(C)]
struct FilterOps {
    struct_size: u32,
    reserved: u32,
    create: Create,
    start: *const c_void,
    stop: *const c_void,
    destroy: extern "C" fn(*mut c_void),
    process: extern "C" fn(*mut c_void, *mut Batch, *mut c_void) -> i32,
}

#[repr(C)]
struct Plugin {
    struct_size: u32,
    kind: u32,
    flags: u32,
    reserved: u32,
    name: *const c_char,
    version: *const c_char,
    summary: *const c_char,
    options: *const c_void,
    input: *const c_void,
    filter: *const FilterOps,
    output: *const c_void,
}

#[repr(C)]
pub struct PluginList {
    magic: u32,
    struct_size: u32,
    abi_major: u16,
    abi_minor: u16,
    count: u32,
    plugins: *const *const c_void,
}

/// A table that is never written, though it holds pointers.
#[repr(transparent)]
pub struct Table<T>(T);
unsafe impl<T> Sync for Table<T> {}

const _: () = assert!(size_of::<Record>() == 48);
const _: () = assert!(size_of::<Source>() == 56);

/// The last line of each source, by the source's id.
struct Uniq {
    last: HashMap<[u8; 16], Vec<u8>>,
}

impl Uniq {
    /// True when the line is the same as the one before it.
    fn repeats(&mut self, source: [u8; 16], line: &[u8]) -> bool {
        let last = self.last.entry(source).or_default();
        if last == line {
            return true;
        }
        last.clear();
        last.extend_from_slice(line);
        false
    }
}

/// The bytes of a record's line.
unsafe fn line_of<'a>(batch: &'a Batch, record: &Record) -> &'a [u8] {
    let block = &*batch.blocks.add(record.line_block as usize);
    std::slice::from_raw_parts(
        block.data.add(record.line_offset as usize),
        record.line_length as usize,
    )
}

extern "C" fn create(
    host: *const Services,
    context: *mut c_void,
    _options: *const c_void,
    ret_instance: *mut *mut c_void,
    _error: *mut c_void,
) -> i32 {
    let uniq = Box::new(Uniq {
        last: HashMap::new(),
    });
    unsafe {
        ((*host).stateful)(context);
        *ret_instance = Box::into_raw(uniq) as *mut c_void;
    }
    0
}

extern "C" fn destroy(instance: *mut c_void) {
    drop(unsafe { Box::from_raw(instance as *mut Uniq) });
}

extern "C" fn process(instance: *mut c_void, batch: *mut Batch, _error: *mut c_void) -> i32 {
    let uniq = unsafe { &mut *(instance as *mut Uniq) };
    let batch = unsafe { &*batch };
    for i in 0..batch.record_count as usize {
        let record = unsafe { &mut *batch.records.add(i) };
        if record.flags & GONE != 0 {
            continue;
        }
        let source = unsafe { (**batch.sources.add(record.source as usize)).id };
        if uniq.repeats(source, unsafe { line_of(batch, record) }) {
            record.flags |= DROPPED;
        }
    }
    0
}

static OPERATIONS: Table<FilterOps> = Table(FilterOps {
    struct_size: size_of::<FilterOps>() as u32,
    reserved: 0,
    create,
    start: ptr::null(),
    stop: ptr::null(),
    destroy,
    process,
});

static PLUGIN: Table<Plugin> = Table(Plugin {
    struct_size: size_of::<Plugin>() as u32,
    kind: FILTER,
    flags: 0,
    reserved: 0,
    name: "uniq\0".as_ptr() as *const c_char,
    version: "1.0\0".as_ptr() as *const c_char,
    summary: "Drops a line that repeats the one before it in the same file\0".as_ptr()
        as *const c_char,
    options: ptr::null(),
    input: ptr::null(),
    filter: &OPERATIONS.0,
    output: ptr::null(),
});

static ALL: Table<[*const c_void; 1]> = Table([&PLUGIN.0 as *const Plugin as *const c_void]);

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static weir_plugins: Table<PluginList> = Table(PluginList {
    magic: MAGIC,
    struct_size: size_of::<PluginList>() as u32,
    abi_major: ABI_MAJOR,
    abi_minor: ABI_MINOR,
    count: 1,
    plugins: ALL.0.as_ptr(),
});
