// SPDX-License-Identifier: MIT
//! Values of Rust, held and forgotten: boxes, trait objects, slices, maps,
//! cycles of Rc. A library: lost_values_truth.c calls it, and registers what it
//! says of its blocks.
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, LinkedList, VecDeque};
use std::mem::forget;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex};

extern "C" {
    fn tell_held(block: *const u8);
    fn tell_leaked(block: *const u8);
}

trait Shape {
    fn area(&self) -> f64;
}

struct Disc {
    radius: f64,
    name: String,
}

impl Shape for Disc {
    fn area(&self) -> f64 {
        self.radius * self.radius * self.name.len() as f64
    }
}

enum Value {
    Nothing,
    Number(i64),
    Text(Box<str>),
    Many(Vec<Value>),
    Shape(Box<dyn Shape>),
}

struct Peer {
    number: u64,
    next: RefCell<Option<Rc<Peer>>>,
    back: RefCell<Weak<Peer>>,
}

#[derive(Default)]
struct World {
    boxed: Option<Box<Disc>>,
    shapes: Vec<Box<dyn Shape>>,
    values: Vec<Value>,
    by_name: HashMap<String, Box<u64>>,
    by_number: BTreeMap<u32, Box<[u16]>>,
    queue: VecDeque<Box<u64>>,
    list: LinkedList<Box<u64>>,
    shared: Vec<Arc<Mutex<Vec<Box<u64>>>>>,
    ring: Option<Rc<Peer>>,
}

static mut WORLD: Option<Box<World>> = None;

thread_local! {
    static MINE: Cell<Option<Box<u64>>> = Cell::new(None);
}

fn held<T: ?Sized>(value: &T) {
    unsafe { tell_held(value as *const T as *const u8) }
}

fn leaked<T: ?Sized>(value: &T) {
    unsafe { tell_leaked(value as *const T as *const u8) }
}

/// The counts of an Rc or Arc stand before its value.
fn counted<T>(value: *const T) -> *const u8 {
    unsafe { (value as *const u8).sub(16) }
}

fn held_number(n: u64) -> Box<u64> {
    let b = Box::new(n);
    held(&*b);
    b
}

fn disc(n: usize) -> Disc {
    Disc { radius: n as f64, name: format!("a disc with number {n:05}") }
}

fn ring(n: u64, tell: unsafe extern "C" fn(*const u8)) -> Rc<Peer> {
    let make = |number| {
        let peer = Rc::new(Peer {
            number,
            next: RefCell::new(None),
            back: RefCell::new(Weak::new()),
        });
        unsafe { tell(counted(Rc::as_ptr(&peer))) };
        peer
    };
    let first = make(0);
    let mut last = first.clone();
    for i in 1..n {
        let peer = make(i);
        *peer.back.borrow_mut() = Rc::downgrade(&last);
        *last.next.borrow_mut() = Some(peer.clone());
        last = peer;
    }
    *last.next.borrow_mut() = Some(first.clone());
    first
}

#[inline(never)]
fn hold() {
    let mut world = Box::new(World::default());
    world.boxed = Some(Box::new(disc(1)));
    held(&**world.boxed.as_ref().unwrap());
    for i in 0..9 {
        let shape: Box<dyn Shape> = Box::new(disc(i));
        held(&*shape);
        world.shapes.push(shape);
        world.values.push(match i % 5 {
            0 => Value::Nothing,
            1 => Value::Number(-1),
            2 => Value::Text("some text that is held".into()),
            3 => Value::Many(vec![Value::Number(3), Value::Nothing]),
            _ => Value::Shape(Box::new(disc(i + 100))),
        });
        match &world.values[i] {
            Value::Text(text) => held(text.as_bytes()),
            Value::Many(many) => held(many.as_slice()),
            Value::Shape(shape) => held(&**shape),
            _ => {}
        }
        world.by_name.insert(format!("the key number {i}"), held_number(i as u64));
        let slice: Box<[u16]> = vec![i as u16; 10 + i].into();
        held(&*slice);
        world.by_number.insert(i as u32, slice);
        world.queue.push_back(held_number(20));
        world.list.push_back(held_number(30));
        let shared = Arc::new(Mutex::new(vec![held_number(40)]));
        unsafe { tell_held(counted(Arc::as_ptr(&shared))) };
        world.shared.push(shared);
    }
    world.ring = Some(ring(5, tell_held));
    MINE.with(|mine| mine.set(Some(held_number(50))));
    unsafe { WORLD = Some(world) };
}

#[inline(never)]
fn lose() {
    for i in 0..4 {
        let boxed = Box::new(disc(i));
        leaked(&*boxed);
        leaked(boxed.name.as_bytes());
        forget(boxed);
        let last = disc(i + 50);
        leaked(last.name.as_bytes());
        let shapes: Vec<Box<dyn Shape>> = vec![Box::new(last)];
        leaked(shapes.as_slice());
        leaked(&*shapes[0]);
        forget(shapes);
        let values = vec![Value::Text("lost text".into()), Value::Number(1)];
        leaked(values.as_slice());
        if let Value::Text(text) = &values[0] {
            leaked(text.as_bytes());
        }
        forget(values);
        forget(ring(2 + i as u64, tell_leaked));
        let shared = Arc::new(Mutex::new(7u8));
        unsafe { tell_leaked(counted(Arc::as_ptr(&shared))) };
        forget(shared);
        leaked(Box::leak("leaked on purpose".to_string().into_boxed_str()).as_bytes());
    }
}

#[no_mangle]
pub extern "C" fn make_world() {
    hold();
    lose();
}

/// Whoever reads the world keeps the compiler from leaving it out.
#[no_mangle]
pub extern "C" fn sum_of_world() -> f64 {
    let world = unsafe { std::ptr::addr_of!(WORLD).read().unwrap() };
    let total: f64 = world.shapes.iter().map(|s| s.area()).sum();
    let words = |v: &Value| match v {
        Value::Number(n) => *n as usize,
        Value::Many(many) => many.len(),
        _ => 0,
    };
    let sum: usize = world.values.iter().map(words).sum();
    let ring = world.ring.as_ref().unwrap();
    total + sum as f64 + ring.number as f64
}
