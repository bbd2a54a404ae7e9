// SPDX-License-Identifier: MIT
// More of what Rust programs hold: graphs of Rc and RefCell, trait objects of
// every kind, enums with niches, futures on an executor made by hand, deques
// that wrap around, Cow, OsString, slices, channels, threads, lost cycles.
// Truth comes from the allocation log; see alloc_truth.py.
use std::any::Any;
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::error::Error;
use std::ffi::{CString, OsString};
use std::future::Future;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

extern "C" {
    fn raise(signal: i32) -> i32;
    fn dlsym(handle: *mut u8, name: *const u8) -> *mut u8;
}

#[derive(Clone, Debug, Default)]
pub struct Item { pub name: String, pub weight: f32, pub parts: Vec<u16> }

pub type Link = Option<Rc<RefCell<Vertex>>>;
pub struct Vertex { pub id: u32, pub label: String, pub edges: Vec<Rc<RefCell<Vertex>>>, pub back: Weak<RefCell<Vertex>>, pub next: Link }

pub enum Json { Null, Bool(bool), Number(f64), Text(String), List(Vec<Json>), Object(BTreeMap<String, Json>) }
pub enum Expr { Number(i64), Name(Box<str>), Add(Box<Expr>, Box<Expr>), Call { name: String, args: Vec<Expr> }, Neg(Box<Expr>) }
pub enum Niche { Owned(Box<Item>), Borrowed(&'static str), Nothing }
pub enum Small { A(NonZeroU32), B(u8), C([u8; 3]) }

pub trait Plugin { fn run(&mut self, x: u32) -> u32; fn name(&self) -> &str { "plugin" } }
pub struct Adder { pub add: u32, pub log: Vec<String> }
pub struct Keeper { pub kept: HashMap<u32, Item>, pub limit: usize }
pub struct Unit;
impl Plugin for Adder { fn run(&mut self, x: u32) -> u32 { x + self.add } }
impl Plugin for Keeper { fn run(&mut self, x: u32) -> u32 { self.limit as u32 + x } }
impl Plugin for Unit { fn run(&mut self, x: u32) -> u32 { x } }

#[derive(Debug)]
pub struct Failure { pub why: String, pub cause: Option<Box<dyn Error>> }
impl std::fmt::Display for Failure { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "{}", self.why) } }
impl Error for Failure {}

pub struct Yield(u32);
impl Future for Yield {
    type Output = u32;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<u32> {
        if self.0 == 0 { Poll::Ready(7) } else { self.0 -= 1; Poll::Pending }
    }
}

pub struct Arena { pub nodes: Vec<ArenaNode>, pub free: Option<usize> }
pub struct ArenaNode { pub parent: Option<usize>, pub children: Vec<usize>, pub item: Item }

pub struct Slab<T> { pub slots: Vec<Slot<T>>, pub n: usize }
pub enum Slot<T> { Free(usize), Used(T) }

pub struct Generic<K, V> { pub map: HashMap<K, Vec<V>>, pub order: VecDeque<K>, pub best: Option<Box<V>> }

#[derive(Default)]
pub struct Store {
    graph: Vec<Rc<RefCell<Vertex>>>, json: Vec<Json>, exprs: Vec<Box<Expr>>, niches: Vec<Niche>, small: Vec<Small>,
    plugins: Vec<Box<dyn Plugin>>, shared: Vec<Rc<RefCell<dyn Plugin>>>, arcs: Vec<Arc<dyn Fn(u32) -> u32 + Send + Sync>>,
    errors: Vec<Box<dyn Error>>, anys: Vec<Box<dyn Any>>, tasks: Vec<Pin<Box<dyn Future<Output = u32>>>>,
    ring: VecDeque<Item>, ring_of_boxes: VecDeque<Box<Item>>, cows: Vec<Cow<'static, str>>, os: Vec<OsString>, paths: Vec<PathBuf>,
    c: Vec<CString>, arena: Option<Arena>, slab: Option<Slab<Item>>, generic: Option<Box<Generic<String, Item>>>,
    state: Option<Arc<RwLock<BTreeMap<String, Arc<Mutex<Item>>>>>>, slices: Vec<Rc<[u32]>>, texts: Vec<Arc<str>>, boxed: Vec<Box<[Item]>>,
    sender: Option<Sender<Item>>, receiver: Option<Receiver<Item>>, once: OnceCell<Box<Item>>, tuples: Vec<(u8, String, Option<Box<Item>>)>,
    nested: BTreeMap<u32, BTreeMap<u32, BTreeSet<String>>>, sets: HashMap<String, HashSet<u64>>, options: Vec<Option<Option<Box<Item>>>>,
    results: Vec<Result<Item, Box<dyn Error>>>, counters: Vec<Arc<AtomicU64>>, arrays: Vec<[Item; 2]>, iter: Option<Box<dyn Iterator<Item = String>>>,
    handlers: BTreeMap<&'static str, Vec<Box<dyn FnMut(&Item)>>>, table: Vec<Vec<Option<Box<Item>>>>,
}

static CONFIG: OnceLock<HashMap<String, Item>> = OnceLock::new();

fn words(i: u32) -> String { format!("a text that has to be stored on the heap {}", i) }
fn item(i: u32) -> Item { Item { name: words(i), weight: i as f32, parts: vec![1; (i % 5) as usize] } }

fn expr(depth: u32, i: u32) -> Box<Expr> {
    Box::new(match (depth, i % 4) {
        (0, 0) => Expr::Name(words(i).into_boxed_str()),
        (0, _) => Expr::Number(i as i64),
        (_, 0) => Expr::Neg(expr(depth - 1, i + 1)),
        (_, 1) => Expr::Call { name: words(i), args: (0..3).map(|k| *expr(depth - 1, i + k)).collect() },
        _ => Expr::Add(expr(depth - 1, i + 1), expr(depth - 1, i + 2)),
    })
}

fn json(depth: u32, i: u32) -> Json {
    match (depth, i % 6) {
        (0, 0) => Json::Null,
        (0, 1) => Json::Bool(true),
        (0, 2) => Json::Number(i as f64),
        (0, _) => Json::Text(words(i)),
        (_, 0..=2) => Json::List((0..4).map(|k| json(depth - 1, i + k)).collect()),
        _ => Json::Object((0..4).map(|k| (words(k), json(depth - 1, i * 3 + k))).collect()),
    }
}

async fn work(name: String, n: u32) -> u32 {
    let list = vec![n; 8];
    let a = Yield(n % 3 + 1).await;
    let b = Yield(2).await;
    a + b + list.len() as u32 + name.len() as u32
}

fn raw_waker() -> RawWaker {
    static TABLE: RawWakerVTable = RawWakerVTable::new(|_| raw_waker(), |_| {}, |_| {}, |_| {});
    RawWaker::new(std::ptr::null(), &TABLE)
}

fn lose_cycles() {
    for i in 0..20 {
        let a = Rc::new(RefCell::new(Vertex { id: i, label: words(i), edges: vec![], back: Weak::new(), next: None }));
        let b = Rc::new(RefCell::new(Vertex { id: i, label: words(i), edges: vec![a.clone()], back: Weak::new(), next: None }));
        a.borrow_mut().next = Some(b);
    }
    for i in 0..10 { std::mem::forget(Box::new(item(i))); }
}

fn fill_graph(s: &mut Store) {
    for i in 0..50 {
        let v = Rc::new(RefCell::new(Vertex { id: i, label: words(i), edges: vec![], back: Weak::new(), next: s.graph.last().cloned() }));
        if let Some(first) = s.graph.get((i / 3) as usize) {
            first.borrow_mut().edges.push(v.clone());
            v.borrow_mut().back = Rc::downgrade(first);
        }
        s.graph.push(v);
        s.json.push(json(3, i));
        s.exprs.push(expr(4, i));
        s.niches.push(match i % 3 { 0 => Niche::Owned(Box::new(item(i))), 1 => Niche::Borrowed("static"), _ => Niche::Nothing });
        s.small.push(match i % 3 { 0 => Small::A(NonZeroU32::new(5).unwrap()), 1 => Small::B(2), _ => Small::C([1, 2, 3]) });
    }
}

fn fill_dynamic(s: &mut Store) {
    for i in 0..30 {
        s.plugins.push(match i % 3 {
            0 => Box::new(Adder { add: i, log: vec![words(i)] }),
            1 => Box::new(Keeper { kept: (0..5).map(|k| (k, item(k))).collect(), limit: 5 }),
            _ => Box::new(Unit) });
        s.shared.push(if i % 2 == 0 { Rc::new(RefCell::new(Adder { add: i, log: vec![] })) }
            else { Rc::new(RefCell::new(Keeper { kept: HashMap::new(), limit: 1 })) });
        let text = words(i);
        s.arcs.push(Arc::new(move |x| x + text.len() as u32));
        s.errors.push(if i % 2 == 0 { Box::new(Failure { why: words(i), cause: Some(words(i).into()) }) } else { words(i).into() });
        s.anys.push(if i % 2 == 0 { Box::new(item(i)) } else { Box::new(vec![i; 4]) });
        let mut task: Pin<Box<dyn Future<Output = u32>>> = if i % 2 == 0 { Box::pin(work(words(i), i)) } else { Box::pin(Yield(i)) };
        let waker = unsafe { Waker::from_raw(raw_waker()) };
        let _ = task.as_mut().poll(&mut Context::from_waker(&waker));
        s.tasks.push(task);
        let kept = item(i);
        s.handlers.entry(if i % 2 == 0 { "even" } else { "odd" }).or_default()
            .push(Box::new(move |x| assert!(x.weight < kept.weight + 1e9)));
    }
    let list: Vec<String> = (0..5).map(words).collect();
    s.iter = Some(Box::new(list.into_iter().filter(|t| t.len() > 3)));
}

fn fill_collections(s: &mut Store) {
    let mut arena = Arena { nodes: vec![], free: None };
    let mut slab = Slab { slots: vec![], n: 0 };
    let (sender, receiver) = channel();
    let mut state = BTreeMap::new();
    let mut generic = Box::new(Generic { map: HashMap::new(), order: VecDeque::new(), best: None });
    for i in 0..40 {
        s.ring.push_back(item(i));
        s.ring_of_boxes.push_back(Box::new(item(i)));
        if i % 2 == 1 { s.ring.pop_front(); s.ring_of_boxes.pop_front(); }
        s.cows.push(if i % 2 == 0 { Cow::Owned(words(i)) } else { Cow::Borrowed("static") });
        s.os.push(words(i).into());
        s.paths.push(PathBuf::from(words(i)));
        s.c.push(CString::new(words(i)).unwrap());
        arena.nodes.push(ArenaNode { parent: i.checked_sub(1).map(|x| x as usize / 2), children: vec![i as usize; 2], item: item(i) });
        slab.slots.push(if i % 4 == 0 { Slot::Free(i as usize) } else { Slot::Used(item(i)) });
        slab.n += 1;
        sender.send(item(i)).unwrap();
        state.insert(words(i), Arc::new(Mutex::new(item(i))));
        generic.map.entry(words(i % 10)).or_insert_with(Vec::new).push(item(i));
        generic.order.push_back(words(i));
        s.slices.push((0..i).collect::<Vec<u32>>().into());
        s.texts.push(words(i).into());
        s.boxed.push((0..i % 4).map(item).collect());
        s.tuples.push((1, words(i), if i % 2 == 0 { Some(Box::new(item(i))) } else { None }));
        s.nested.entry(i % 4).or_default().entry(i % 7).or_default().insert(words(i));
        s.sets.entry(words(i % 6)).or_default().insert(i as u64);
        s.options.push(match i % 3 { 0 => None, 1 => Some(None), _ => Some(Some(Box::new(item(i)))) });
        s.results.push(if i % 2 == 0 { Ok(item(i)) } else { Err(Box::new(Failure { why: words(i), cause: None })) });
        s.counters.push(Arc::new(AtomicU64::new(i as u64)));
        s.arrays.push([item(i), item(i + 1)]);
        s.table.push((0..5).map(|k| if k % 2 == 0 { Some(Box::new(item(k))) } else { None }).collect());
    }
    generic.best = Some(Box::new(item(3)));
    s.arena = Some(arena);
    s.slab = Some(slab);
    s.generic = Some(generic);
    s.state = Some(Arc::new(RwLock::new(state)));
    s.sender = Some(sender);
    s.receiver = Some(receiver);
    let _ = s.once.set(Box::new(item(1)));
    CONFIG.set((0..20).map(|i| (words(i), item(i))).collect()).unwrap();
}

#[no_mangle]
pub static mut STORE: *mut Store = std::ptr::null_mut();

fn main() {
    let mut s = Box::new(Store::default());
    fill_graph(&mut s);
    fill_dynamic(&mut s);
    fill_collections(&mut s);
    lose_cycles();
    unsafe {
        STORE = Box::into_raw(s);
        let stop = dlsym(std::ptr::null_mut(), b"alloc_log_stop\0".as_ptr());
        if stop.is_null() { raise(19); } else { std::mem::transmute::<*mut u8, extern "C" fn()>(stop)(); }
    }
}
