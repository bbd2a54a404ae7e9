// SPDX-License-Identifier: MIT
//! Vectors with room to spare, a nearly empty map, and shared objects in
//! every state of their count, for `waste` and `refcounts`. Prints what it
//! did as JSON and stops itself.
use std::collections::HashMap;
use std::io::Write;
use std::rc::{Rc, Weak};
use std::sync::Arc;

struct Item {
    number: u64,
    _more: [u64; 4],
}

struct World {
    logs: Vec<Vec<u64>>,
    names: Vec<String>,
    table: HashMap<u64, [u64; 3]>,
    shared: Vec<Rc<Item>>,
    maybe: Vec<Option<Arc<Item>>>,
    watching: Vec<Weak<Item>>,
}

static mut WORLD: Option<Box<World>> = None;

extern "C" {
    fn raise(signal: i32) -> i32;
}

fn item(number: u64) -> Item {
    Item { number, _more: [number; 4] }
}

fn main() {
    let mut world = Box::new(World {
        logs: Vec::new(),
        names: Vec::new(),
        table: HashMap::with_capacity(1000),
        shared: Vec::new(),
        maybe: Vec::new(),
        watching: Vec::new(),
    });
    for i in 0..30u64 {
        let mut log = Vec::with_capacity(100);
        log.push(i);
        log.push(i + 1);
        world.logs.push(log);
        world.names.push(String::from("the very same text in each of them"));
        world.shared.push(Rc::new(item(i)));
        world.maybe.push(if i % 2 == 0 { Some(Arc::new(item(i))) } else { None });
    }
    for i in 0..9 {
        world.table.insert(i, [i; 3]);
    }
    let again = world.shared[3].clone();
    world.shared.push(again);
    std::mem::forget(world.shared[5].clone());
    if let Some(arc) = &world.maybe[4] {
        std::mem::forget(arc.clone());
        std::mem::forget(arc.clone());
    }
    let gone = Rc::new(item(77));
    world.watching.push(Rc::downgrade(&gone));
    drop(gone);
    println!(
        "{{\"pid\": {}, \"logs\": 30, \"log_room\": 100, \"log_used\": 2, \"entries\": {}, \"sum\": {}}}",
        std::process::id(),
        world.table.len(),
        world.shared.iter().map(|i| i.number).sum::<u64>()
    );
    std::io::stdout().flush().unwrap();
    unsafe {
        WORLD = Some(world);
        raise(19);
    }
}
