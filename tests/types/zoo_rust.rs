// SPDX-License-Identifier: MIT
// Collections and pointers of Rust's std, filled and held by one static. The
// truth of what they allocate comes from the allocation log: the frames of
// RawVecInner, Box::new and the like name their type.
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fs::File;
use std::io::Write;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, RwLock};

extern "C" {
    fn raise(signal: i32) -> i32;
    fn dlsym(handle: *mut u8, name: *const u8) -> *mut u8;
}

#[derive(Clone, Default)]
pub struct Point { pub x: f64, pub y: f64 }

#[derive(Clone, Default)]
pub struct Account { pub owner: String, pub history: Vec<f64>, pub notes: BTreeMap<u32, String>, pub id: u64 }

pub trait Shape { fn area(&self) -> f64; }
pub struct Circle { pub radius: f64, pub label: String }
pub struct Square { pub side: f64 }
impl Shape for Circle { fn area(&self) -> f64 { self.radius } }
impl Shape for Square { fn area(&self) -> f64 { self.side } }

pub enum Message { Quit, Text(String), Move { at: Point, path: Vec<Point> }, Boxed(Box<Account>) }

pub struct Node { pub value: u64, pub children: RefCell<Vec<Rc<Node>>>, pub parent: RefCell<Weak<Node>> }
pub struct Tree { pub left: Option<Box<Tree>>, pub right: Option<Box<Tree>>, pub key: u32, pub name: String }

#[derive(Default)]
pub struct World {
    ints: Vec<u32>, strings: Vec<String>, accounts: Vec<Account>, boxes: Vec<Box<Account>>,
    grid: Vec<Vec<Point>>, deque: VecDeque<Account>, list: LinkedList<String>,
    map: HashMap<u32, String>, accounts_by_name: HashMap<String, Account>, names: HashSet<String>,
    tree_map: BTreeMap<u32, Account>, tree_set: BTreeSet<String>, heap: BinaryHeap<u64>,
    shapes: Vec<Box<dyn Shape>>, rc: Vec<Rc<Account>>, arc: Vec<Arc<Mutex<Account>>>,
    nodes: Vec<Rc<Node>>, messages: Vec<Message>, tree: Option<Box<Tree>>,
    option: Option<Box<Point>>, options: Vec<Option<String>>, slice: Box<[u64]>, text: Box<str>,
    shared: Option<Arc<RwLock<HashMap<u32, Vec<Point>>>>>, cells: Vec<Cell<u64>>,
    callbacks: Vec<Box<dyn Fn(u32) -> u32>>, nested: HashMap<u32, HashMap<u32, Point>>,
}

fn words(i: u32) -> String { format!("a text that has to be stored on the heap {}", i) }

fn truth<T: ?Sized>(out: &mut File, name: &str, p: *const T) { writeln!(out, "{:x} {}", p as *const u8 as usize, name).unwrap(); }

fn insert(tree: &mut Option<Box<Tree>>, key: u32, out: &mut File) {
    let mut at = tree;
    while let Some(t) = at { at = if key < t.key { &mut t.left } else { &mut t.right }; }
    *at = Some(Box::new(Tree { left: None, right: None, key, name: words(key) }));
    truth(out, "zoo_rust::Tree", &**at.as_ref().unwrap() as *const Tree);
}

#[no_mangle]
pub static mut WORLD: *mut World = std::ptr::null_mut();

fn main() {
    let mut out = File::create(std::env::args().nth(1).unwrap_or("truth.txt".into())).unwrap();
    let mut w = Box::new(World::default());
    truth(&mut out, "zoo_rust::World", &*w as *const World);
    for i in 0..300u32 {
        w.ints.push(i);
        w.strings.push(words(i));
        w.grid.push(vec![Point::default(); (i % 7 + 1) as usize]);
        w.list.push_back(words(i));
        w.map.insert(i, words(i));
        w.names.insert(words(i));
        w.tree_set.insert(words(i));
        w.heap.push(i as u64);
        w.options.push(if i % 2 == 0 { Some(words(i)) } else { None });
        w.cells.push(Cell::new(1));
        w.nested.entry(i % 20).or_default().insert(i, Point::default());
    }
    for i in 0..60u32 {
        let a = Account { owner: words(i), history: vec![1.0; 5], notes: (0..20).map(|k| (k, words(k))).collect(), id: i as u64 };
        w.accounts.push(a.clone());
        w.boxes.push(Box::new(a.clone()));
        let p: *const Account = &**w.boxes.last().unwrap();
        truth(&mut out, "zoo_rust::Account", p);
        w.deque.push_back(a.clone());
        w.accounts_by_name.insert(words(i), a.clone());
        w.tree_map.insert(i, a.clone());
        w.rc.push(Rc::new(a.clone()));
        w.arc.push(Arc::new(Mutex::new(a.clone())));
        if i % 2 == 0 {
            let c = Box::new(Circle { radius: 1.0, label: words(i) });
            truth(&mut out, "zoo_rust::Circle", &*c as *const Circle);
            w.shapes.push(c);
        } else {
            let s = Box::new(Square { side: 1.0 });
            truth(&mut out, "zoo_rust::Square", &*s as *const Square);
            w.shapes.push(s);
        }
        let parent = w.nodes.last().cloned();
        let n = Rc::new(Node { value: i as u64, children: RefCell::new(vec![]), parent: RefCell::new(Weak::new()) });
        if let Some(p) = parent {
            p.children.borrow_mut().push(n.clone());
            *n.parent.borrow_mut() = Rc::downgrade(&p);
        }
        w.nodes.push(n);
        w.messages.push(match i % 4 { 0 => Message::Quit, 1 => Message::Text(words(i)),
            2 => Message::Move { at: Point::default(), path: vec![Point::default(); 6] },
            _ => Message::Boxed(Box::new(a.clone())) });
        if let Some(Message::Boxed(b)) = w.messages.last() { truth(&mut out, "zoo_rust::Account", &**b as *const Account); }
        insert(&mut w.tree, (i * 7919) % 1000, &mut out);
        let text = words(i);
        w.callbacks.push(Box::new(move |x| x + text.len() as u32));
    }
    w.option = Some(Box::new(Point::default()));
    truth(&mut out, "zoo_rust::Point", &**w.option.as_ref().unwrap() as *const Point);
    w.slice = vec![7u64; 40].into_boxed_slice();
    w.text = words(9).into_boxed_str();
    w.shared = Some(Arc::new(RwLock::new((0..40).map(|i| (i, vec![Point::default(); 3])).collect())));
    drop(out);
    unsafe {
        WORLD = Box::into_raw(w);
        let stop = dlsym(std::ptr::null_mut(), b"alloc_log_stop\0".as_ptr());
        if stop.is_null() { raise(19); } else { std::mem::transmute::<*mut u8, extern "C" fn()>(stop)(); }
    }
}
