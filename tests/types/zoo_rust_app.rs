// SPDX-License-Identifier: MIT
// An interpreter, an order book, a document, a tree of widgets: what else Rust
// programs are made of. It was written after the rules that it judges.
// Truth comes from the allocation log; see alloc_truth.py.
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{hash_map::Entry, BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::fmt::{self, Display, Write as _};
use std::io::{BufRead, BufReader, BufWriter, Cursor, Write};
use std::mem::MaybeUninit;
use std::rc::{Rc, Weak};
use std::sync::{
    atomic::{AtomicPtr, AtomicU64, Ordering},
    mpsc, Arc, Mutex, RwLock,
};
extern "C" {
    fn raise(s: i32) -> i32;
    fn dlsym(h: *mut u8, n: *const u8) -> *mut u8;
}

#[derive(Clone, Debug, PartialEq)]
enum Token { Ident(String), Num(f64), Str(Box<str>), Op(char), Kw(Keyword), Eof }
#[derive(Clone, Copy, Debug, PartialEq)]
enum Keyword { Let, Fn, If, While, Return }
#[derive(Clone, Copy, Debug, Default)]
struct Pos { line: u32, col: u32 }
struct Spanned<T> { node: T, at: Pos }
enum Stmt { Let { name: String, init: Option<Spanned<Expr>> }, Expr(Spanned<Expr>), Block(Vec<Stmt>), While(Box<(Spanned<Expr>, Stmt)>), Fn(Rc<Function>), Nop }
enum Expr {
    Lit(Value),
    Var(Rc<str>),
    Binary(Box<Spanned<Expr>>, char, Box<Spanned<Expr>>),
    Call(Box<Spanned<Expr>>, Vec<Spanned<Expr>>),
    Lambda(Rc<Function>),
    Index { base: Box<Spanned<Expr>>, at: Box<Spanned<Expr>> },
}
struct Function { name: Option<String>, params: Vec<Rc<str>>, body: RefCell<Vec<Stmt>>, calls: Cell<u64> }
#[derive(Clone)]
enum Value {
    Nil,
    Bool(bool),
    Num(f64),
    Str(Rc<str>),
    List(Rc<RefCell<Vec<Value>>>),
    Dict(Rc<RefCell<HashMap<Rc<str>, Value>>>),
    Func(Rc<Function>, Option<Rc<Scope>>),
    Native(&'static str, Rc<dyn Fn(&[Value]) -> Value>),
    Obj(Rc<Object>),
}
struct Object { class: Rc<Class>, fields: RefCell<BTreeMap<Rc<str>, Value>> }
struct Class { name: String, parent: Option<Rc<Class>>, methods: HashMap<String, Rc<Function>>, instances: RefCell<Vec<Weak<Object>>> }
struct Scope { vars: RefCell<HashMap<Rc<str>, Value>>, parent: Option<Rc<Scope>>, children: RefCell<Vec<Weak<Scope>>> }
#[derive(Clone)]
enum Op { Push(Value), Load(u32), Call(u8), Jump(i32), Switch(Box<[(u32, i32)]>), Halt }
struct Chunk { ops: Vec<Op>, lines: Vec<(u32, u32)>, consts: Vec<Value>, debug: Option<Box<DebugInfo>> }
struct DebugInfo { file: Arc<str>, names: BTreeMap<u32, String>, source: Cow<'static, str> }
struct Vm { stack: Vec<Value>, frames: Vec<Frame>, globals: Rc<Scope>, chunks: Vec<Rc<Chunk>>, trace: Option<Box<dyn FnMut(&Op) -> bool>>, out: BufWriter<Vec<u8>> }
struct Frame { chunk: Rc<Chunk>, ip: usize, base: usize, scope: Option<Rc<Scope>> }

struct ArrayVec<T, const N: usize> { len: u32, items: [MaybeUninit<T>; N] }
impl<T, const N: usize> ArrayVec<T, N> {
    fn new() -> Self { ArrayVec { len: 0, items: [const { MaybeUninit::uninit() }; N] } }
    fn push(&mut self, t: T) {
        self.items[self.len as usize].write(t);
        self.len += 1;
    }
}
enum SmallString { Inline(u8, [u8; 22]), Heap(Box<str>) }
struct Arena<T> { chunks: RefCell<Vec<Vec<T>>>, size: usize }
impl<T> Arena<T> {
    fn alloc(&self, t: T) -> *const T {
        let mut c = self.chunks.borrow_mut();
        if c.last().map_or(true, |l| l.len() == l.capacity()) {
            c.push(Vec::with_capacity(self.size));
        }
        let l = c.last_mut().unwrap();
        l.push(t);
        l.last().unwrap()
    }
}
struct Nfa { states: Vec<State>, start: usize, classes: Vec<Box<[std::ops::RangeInclusive<char>]>>, names: HashMap<String, usize> }
enum State { Char(char, usize), Split(usize, usize), Class(u32, usize), Save { slot: u16, next: usize }, Alt(Vec<usize>), Match }
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Debug)]
struct Order { price: i64, id: u64, who: String }
struct Book {
    bids: BTreeMap<i64, VecDeque<Arc<Order>>>,
    asks: BTreeMap<i64, VecDeque<Arc<Order>>>,
    by_id: HashMap<u64, Arc<Order>>,
    log: Mutex<Vec<Event>>,
    stats: HashMap<&'static str, AtomicU64>,
}
enum Event { Placed(Arc<Order>), Filled { order: Arc<Order>, by: Vec<u64> }, Rejected(String, Box<dyn std::error::Error + Send + Sync>), Tick }
struct Graph<N, E> { nodes: Vec<GNode<N>>, edges: Vec<GEdge<E>> }
struct GNode<N> { weight: N, first: [u32; 2] }
struct GEdge<E> { weight: E, node: [u32; 2], next: [u32; 2] }
struct Skip { head: [Option<Box<SkipNode>>; 2], level: usize }
struct SkipNode { key: u64, val: String, next: Option<Box<SkipNode>>, tower: Vec<*mut SkipNode> }
trait Widget {
    fn draw(&self, out: &mut String);
    fn children(&self) -> &[Box<dyn Widget>] { &[] }
}
struct Label { text: String, style: Option<Style> }
#[derive(Clone)]
struct Style { font: Rc<str>, size: f32, tags: HashSet<Rc<str>> }
struct Panel { kids: Vec<Box<dyn Widget>>, title: Option<String>, on_click: RefCell<Vec<Rc<dyn Fn(i32)>>> }
struct Image { pixels: Box<[[u8; 4]]>, w: u32, name: SmallString }
struct Rule;
impl Widget for Label {
    fn draw(&self, o: &mut String) { let _ = write!(o, "{}", self.text); }
}
impl Widget for Panel {
    fn draw(&self, o: &mut String) {
        for k in &self.kids {
            k.draw(o);
        }
    }
    fn children(&self) -> &[Box<dyn Widget>] { &self.kids }
}
impl Widget for Image {
    fn draw(&self, o: &mut String) { o.push('i'); }
}
impl Widget for Rule {
    fn draw(&self, o: &mut String) { o.push('-'); }
}
struct Config { map: HashMap<String, toml::Item>, paths: Vec<std::path::PathBuf>, env: Vec<(std::ffi::OsString, std::ffi::OsString)> }
mod toml {
    use std::collections::BTreeMap;
    pub enum Item {
        None,
        Int(i64),
        Date { y: u16, m: u8 },
        Text(String),
        Array(Vec<Item>),
        Table(Box<BTreeMap<String, Item>>),
        Inline(BTreeMap<Box<str>, Item>),
    }
}
#[derive(Debug)]
struct Missing(String, Option<Box<dyn std::error::Error + Send + Sync>>);
impl Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { f.write_str(&self.0) }
}
impl std::error::Error for Missing {}
struct Stack<T> { head: AtomicPtr<Link<T>> }
struct Link<T> { item: T, next: *mut Link<T> }
struct Doc { rope: Vec<Rc<[u8]>>, undo: Vec<Edit>, marks: BTreeMap<usize, Vec<Mark>>, clip: Option<Rc<str>>, lines: Vec<Vec<char>>, cursor: Option<(usize, usize)> }
enum Edit { Insert { at: usize, text: String }, Delete { at: usize, text: String }, Group(Vec<Edit>), Mark(Box<Mark>) }
struct Mark { name: Option<String>, kind: MarkKind }
enum MarkKind { Error(Box<dyn std::error::Error>), Note(String, Vec<String>), Plain }
struct App {
    vm: Vm,
    tokens: Vec<Spanned<Token>>,
    ast: Vec<Stmt>,
    book: Arc<RwLock<Book>>,
    graph: Graph<String, Option<Box<Style>>>,
    skip: Skip,
    ui: Box<dyn Widget>,
    nfa: Nfa,
    arena: Arena<(String, u32)>,
    ptrs: Vec<*const (String, u32)>,
    av: Vec<ArrayVec<String, 6>>,
    config: RwLock<Arc<Config>>,
    docs: Vec<Box<Doc>>,
    stack: Stack<Vec<String>>,
    heap: BinaryHeap<(u32, Rc<Order>)>,
    set: BTreeSet<(u64, Box<str>)>,
    shared: Arc<[Arc<str>]>,
    reader: BufReader<Cursor<Vec<u8>>>,
    cache: Rc<RefCell<HashMap<(u32, u32), Result<Rc<Style>, Missing>>>>,
    strs: Box<[Box<str>]>,
    lookups: [Option<HashMap<u64, String>>; 3],
    pending: Vec<Box<dyn FnOnce(&mut Vec<u8>) -> Result<(), Missing>>>,
    fns: HashMap<String, fn(u32) -> u32>,
    tree: Option<Rc<RefCell<Tree>>>,
    nested: Vec<Option<Option<Vec<Option<String>>>>>,
}
struct Tree { val: Rc<Order>, left: Option<Rc<RefCell<Tree>>>, right: Option<Rc<RefCell<Tree>>>, up: Option<Weak<RefCell<Tree>>> }

fn t(s: &str, i: usize) -> String { format!("{s} {i}: some words that do not fit anywhere else") }
fn rc(s: &str, i: usize) -> Rc<str> { t(s, i).into() }
fn value(d: usize, i: usize) -> Value {
    match i % 7 {
        0 => Value::Nil,
        1 => Value::Bool(true),
        2 => Value::Num(i as f64),
        3 => Value::Str(rc("val", i)),
        4 if d > 0 => Value::List(Rc::new(RefCell::new((0..3).map(|k| value(d - 1, i + k)).collect()))),
        5 if d > 0 => Value::Dict(Rc::new(RefCell::new((0..4).map(|k| (rc("dk", k), value(d - 1, i * 2 + k))).collect()))),
        6 => {
            let n = t("native", i);
            Value::Native("nat", Rc::new(move |a| Value::Num((a.len() + n.len()) as f64)))
        }
        _ => Value::Num(1.5),
    }
}
fn expr(d: usize, i: usize) -> Spanned<Expr> {
    let node = match (d, i % 5) {
        (0, 0) => Expr::Var(rc("var", i)),
        (0, _) => Expr::Lit(value(1, i)),
        (_, 0) => Expr::Call(Box::new(expr(d - 1, i + 1)), (0..i % 3).map(|k| expr(d - 1, i + k)).collect()),
        (_, 1) => Expr::Index { base: Box::new(expr(d - 1, i + 2)), at: Box::new(expr(0, i)) },
        (_, 2) => Expr::Lambda(func(d - 1, i)),
        _ => Expr::Binary(Box::new(expr(d - 1, i + 1)), '+', Box::new(expr(d - 1, i + 3))),
    };
    Spanned { node, at: Pos { line: i as u32, col: 3 } }
}
fn func(d: usize, i: usize) -> Rc<Function> {
    Rc::new(Function {
        name: if i % 2 == 0 { Some(t("fn", i)) } else { None },
        params: (0..i % 3).map(|k| rc("param", k)).collect(),
        body: RefCell::new(vec![Stmt::Expr(expr(d, i)), Stmt::Nop]),
        calls: Cell::new(i as u64),
    })
}
fn stmt(d: usize, i: usize) -> Stmt {
    match i % 6 {
        0 => Stmt::Let { name: t("let", i), init: if i % 4 == 0 { Some(expr(2, i)) } else { None } },
        1 => Stmt::Expr(expr(3, i)),
        2 if d > 0 => Stmt::Block((0..3).map(|k| stmt(d - 1, i + k)).collect()),
        3 if d > 0 => Stmt::While(Box::new((expr(1, i), stmt(d - 1, i + 1)))),
        4 => Stmt::Fn(func(2, i)),
        _ => Stmt::Nop,
    }
}
fn widget(d: usize, i: usize) -> Box<dyn Widget> {
    match (d, i % 4) {
        (0, 0) | (_, 1) => {
            Box::new(Label { text: t("label", i), style: if i % 3 == 0 { Some(Style { font: rc("font", i), size: 9.0, tags: [rc("tag", 1), rc("tag", 2)].into() }) } else { None } })
        }
        (0, 3) => Box::new(Rule),
        (_, 2) => Box::new(Image { pixels: vec![[1, 2, 3, 4]; 30].into(), w: 5, name: if i % 8 < 4 { SmallString::Heap(t("img", i).into()) } else { SmallString::Inline(3, [65; 22]) } }),
        _ => {
            let kids = if d > 0 { (0..3).map(|k| widget(d - 1, i * 3 + k)).collect() } else { vec![] };
            let s = rc("click", i);
            Box::new(Panel {
                kids,
                title: if i % 2 == 0 { Some(t("panel", i)) } else { None },
                on_click: RefCell::new(vec![Rc::new(move |x| {
                    let _ = x as usize + s.len();
                })]),
            })
        }
    }
}
fn item(d: usize, i: usize) -> toml::Item {
    use toml::Item::*;
    match i % 7 {
        0 => None,
        1 => Int(4),
        2 => Date { y: 2020, m: 4 },
        3 => Text(t("toml", i)),
        4 if d > 0 => Array((0..3).map(|k| item(d - 1, i + k)).collect()),
        5 if d > 0 => Table(Box::new((0..3).map(|k| (t("tk", k), item(d - 1, i + k))).collect())),
        6 if d > 0 => Inline((0..2).map(|k| (t("ik", k).into(), item(d - 1, i + k))).collect()),
        _ => Int(9),
    }
}
fn missing(i: usize) -> Missing { Missing(t("missing", i), if i % 2 == 0 { Some(Box::new(Missing(t("cause", i), None))) } else { None }) }
fn tree(d: usize, i: usize, up: Option<Weak<RefCell<Tree>>>) -> Rc<RefCell<Tree>> {
    let n = Rc::new(RefCell::new(Tree { val: Rc::new(Order { price: 1, id: i as u64, who: t("tree", i) }), left: None, right: None, up }));
    if d > 0 {
        let w = Rc::downgrade(&n);
        let l = tree(d - 1, i * 2, Some(w.clone()));
        n.borrow_mut().left = Some(l);
        if i % 3 > 0 {
            let r = tree(d - 1, i * 2 + 1, Some(w));
            n.borrow_mut().right = Some(r);
        }
    }
    n
}
fn edit(d: usize, i: usize) -> Edit {
    match i % 4 {
        0 => Edit::Insert { at: i, text: t("ins", i) },
        1 => Edit::Delete { at: i, text: t("del", i) },
        2 if d > 0 => Edit::Group((0..3).map(|k| edit(d - 1, i + k)).collect()),
        _ => Edit::Mark(Box::new(mark(i))),
    }
}
fn mark(i: usize) -> Mark {
    Mark {
        name: if i % 2 == 0 { Some(t("mark", i)) } else { None },
        kind: match i % 3 {
            0 => MarkKind::Error(Box::new(missing(i))),
            1 => MarkKind::Note(t("note", i), vec![t("line", i); i % 3]),
            _ => MarkKind::Plain,
        },
    }
}

#[no_mangle]
pub static mut APP: *mut App = std::ptr::null_mut();
fn main() {
    let globals = Rc::new(Scope { vars: RefCell::new((0..20).map(|i| (rc("g", i), value(2, i))).collect()), parent: None, children: RefCell::default() });
    let scopes: Vec<Rc<Scope>> = (0..10)
        .map(|i| {
            let s = Rc::new(Scope { vars: RefCell::new((0..i).map(|k| (rc("l", k), value(1, k + i))).collect()), parent: Some(globals.clone()), children: RefCell::default() });
            globals.children.borrow_mut().push(Rc::downgrade(&s));
            s
        })
        .collect();
    let base = Rc::new(Class { name: t("class", 0), parent: None, methods: (0..4).map(|i| (t("method", i), func(1, i))).collect(), instances: RefCell::default() });
    let derived = Rc::new(Class { name: t("class", 1), parent: Some(base), methods: HashMap::new(), instances: RefCell::default() });
    let objs: Vec<Value> = (0..12)
        .map(|i| {
            let o = Rc::new(Object { class: derived.clone(), fields: RefCell::new((0..i % 5).map(|k| (rc("field", k), value(1, k))).collect()) });
            derived.instances.borrow_mut().push(Rc::downgrade(&o));
            Value::Obj(o)
        })
        .collect();
    let chunks: Vec<Rc<Chunk>> = (0..8)
        .map(|i| {
            Rc::new(Chunk {
                ops: (0..20)
                    .map(|k| match k % 6 {
                        0 => Op::Push(value(1, k + i)),
                        1 => Op::Load(3),
                        2 => Op::Call(1),
                        3 => Op::Switch((0..3).map(|x| (x, 4)).collect()),
                        4 => Op::Jump(-2),
                        _ => Op::Halt,
                    })
                    .collect(),
                lines: vec![(1, 2); 7],
                consts: (0..5).map(|k| value(0, k + i)).collect(),
                debug: if i % 2 == 0 {
                    Some(Box::new(DebugInfo {
                        file: t("file", i).into(),
                        names: (0..7).map(|k| (k as u32, t("name", k))).collect(),
                        source: if i % 4 == 0 { Cow::Owned(t("source", i)) } else { Cow::Borrowed("s") },
                    }))
                } else {
                    None
                },
            })
        })
        .collect();
    let seen = RefCell::new(vec![t("trace", 0)]);
    let mut stack = objs;
    stack.extend((0..15).map(|i| value(2, i * 3)));
    stack.push(Value::Func(func(1, 4), Some(scopes[2].clone())));
    let vm = Vm {
        stack,
        frames: scopes.iter().enumerate().map(|(i, s)| Frame { chunk: chunks[i % 8].clone(), ip: i, base: 0, scope: Some(s.clone()) }).collect(),
        globals,
        chunks,
        trace: Some(Box::new(move |_| {
            seen.borrow_mut().push(String::new());
            true
        })),
        out: BufWriter::with_capacity(512, vec![]),
    };
    let mut book = Book { bids: BTreeMap::new(), asks: BTreeMap::new(), by_id: HashMap::new(), log: Mutex::default(), stats: HashMap::new() };
    for i in 0..150u64 {
        let o = Arc::new(Order { price: (i * 7 % 40) as i64, id: i, who: t("who", i as usize) });
        let side = if i % 2 == 0 { &mut book.bids } else { &mut book.asks };
        side.entry(o.price).or_default().push_back(o.clone());
        book.log.lock().unwrap().push(match i % 4 {
            0 => Event::Placed(o.clone()),
            1 => Event::Filled { order: o.clone(), by: vec![i; 3] },
            2 => Event::Rejected(t("rej", 1), Box::new(missing(i as usize))),
            _ => Event::Tick,
        });
        if let Entry::Vacant(e) = book.by_id.entry(i) {
            e.insert(o);
        }
    }
    for i in (0..150).step_by(3) {
        book.by_id.remove(&i);
    }
    for p in 0..15 {
        book.bids.remove(&p);
        if let Some(q) = book.asks.get_mut(&(p * 2 + 1)) {
            q.pop_front();
        }
    }
    for k in ["a", "b", "c", "d"] {
        book.stats.insert(k, AtomicU64::new(3));
    }
    let graph = Graph {
        nodes: (0..30).map(|i| GNode { weight: t("node", i), first: [1, 2] }).collect(),
        edges: (0..40)
            .map(|i| GEdge { weight: if i % 3 == 0 { Some(Box::new(Style { font: rc("edge", i), size: 1.0, tags: HashSet::new() })) } else { None }, node: [0, 1], next: [2, 3] })
            .collect(),
    };
    let mut skip = Skip { head: [None, None], level: 1 };
    for i in 0..25 {
        let next = skip.head[i % 2].take();
        skip.head[i % 2] = Some(Box::new(SkipNode { key: i as u64, val: t("skip", i), next, tower: vec![std::ptr::null_mut(); i % 3] }));
    }
    let arena = Arena { chunks: RefCell::default(), size: 16 };
    let ptrs = (0..40).map(|i| arena.alloc((t("arena", i), 1))).collect();
    let app = Box::new(App {
        vm,
        tokens: (0..60)
            .map(|i| Spanned {
                node: match i % 6 {
                    0 => Token::Ident(t("id", i)),
                    1 => Token::Num(1.0),
                    2 => Token::Str(t("str", i).into()),
                    3 => Token::Op('+'),
                    4 => Token::Kw(Keyword::If),
                    _ => Token::Eof,
                },
                at: Pos::default(),
            })
            .collect(),
        ast: (0..40).map(|i| stmt(3, i)).collect(),
        book: Arc::new(RwLock::new(book)),
        graph,
        skip,
        ui: widget(4, 0),
        nfa: Nfa {
            states: (0..30)
                .map(|i| match i % 6 {
                    0 => State::Char('a', 1),
                    1 => State::Split(1, 2),
                    2 => State::Class(1, 2),
                    3 => State::Save { slot: 1, next: 2 },
                    4 => State::Alt(vec![1, 2, 3]),
                    _ => State::Match,
                })
                .collect(),
            start: 0,
            classes: (0..5).map(|i| vec!['a'..='z'; i + 1].into()).collect(),
            names: (0..6).map(|i| (t("grp", i), i)).collect(),
        },
        arena,
        ptrs,
        av: (0..10)
            .map(|i| {
                let mut a = ArrayVec::new();
                for k in 0..i % 6 {
                    a.push(t("av", k));
                }
                a
            })
            .collect(),
        config: RwLock::new(Arc::new(Config {
            map: (0..25).map(|i| (t("cfg", i), item(2, i))).collect(),
            paths: (0..4).map(|i| t("path", i).into()).collect(),
            env: (0..5).map(|i| (t("env", i).into(), t("val", i).into())).collect(),
        })),
        docs: (0..5)
            .map(|i| {
                Box::new(Doc {
                    rope: (0..6).map(|k| t("rope", k + i).into_bytes().into()).collect(),
                    undo: (0..9).map(|k| edit(2, k)).collect(),
                    marks: (0..20).map(|k| (k, (0..k % 4).map(mark).collect())).collect(),
                    clip: if i % 2 == 0 { Some(rc("clip", i)) } else { None },
                    lines: (0..4).map(|k| t("ln", k).chars().collect()).collect(),
                    cursor: Some((1, 2)),
                })
            })
            .collect(),
        stack: Stack { head: AtomicPtr::new(std::ptr::null_mut()) },
        heap: (0..20).map(|i| (i as u32 * 7 % 20, Rc::new(Order { price: 0, id: i as u64, who: t("heap", i) }))).collect(),
        set: (0..30).map(|i| (i as u64 * 3, t("set", i).into())).collect(),
        shared: (0..7).map(|i| Arc::<str>::from(t("shared", i))).collect(),
        reader: BufReader::with_capacity(300, Cursor::new(t("in\n", 3).into_bytes())),
        cache: Rc::new(RefCell::new(
            (0..20).map(|i| ((i, i), if i % 2 == 0 { Ok(Rc::new(Style { font: rc("cache", i as usize), size: 1.0, tags: HashSet::new() })) } else { Err(missing(i as usize)) })).collect(),
        )),
        strs: (0..6).map(|i| t("strs", i).into()).collect(),
        lookups: [None, Some((0..9).map(|i| (i, t("lk", i as usize))).collect()), None],
        pending: (0..6)
            .map(|i| {
                let m = missing(i);
                let f: Box<dyn FnOnce(&mut Vec<u8>) -> Result<(), Missing>> = if i % 2 == 0 {
                    Box::new(move |v| {
                        v.push(1);
                        Err(m)
                    })
                } else {
                    let c = t("pend", i);
                    Box::new(move |v| {
                        v.extend(c.bytes());
                        Ok(())
                    })
                };
                f
            })
            .collect(),
        fns: (0..5).map(|i| (t("fns", i), (|x| x + 1) as fn(u32) -> u32)).collect(),
        tree: Some(tree(4, 1, None)),
        nested: (0..12)
            .map(|i| match i % 4 {
                0 => None,
                1 => Some(None),
                _ => Some(Some((0..i).map(|k| if k % 2 == 0 { Some(t("nest", k)) } else { None }).collect())),
            })
            .collect(),
    });
    for i in 0..15 {
        let l = Box::into_raw(Box::new(Link { item: vec![t("link", i)], next: app.stack.head.load(Ordering::Relaxed) }));
        app.stack.head.store(l, Ordering::Relaxed);
    }
    let (tx, rx) = mpsc::channel::<Event>();
    for i in 0..40u64 {
        tx.send(if i % 2 == 0 { Event::Tick } else { Event::Placed(Arc::new(Order { price: 0, id: i, who: t("sent", i as usize) })) }).unwrap();
    }
    for _ in 0..5 {
        let _ = rx.recv();
    }
    let mut app = app;
    let mut line = String::new();
    let _ = app.reader.read_line(&mut line);
    let _ = app.vm.out.write_all(b"text");
    let mut s = String::new();
    app.ui.draw(&mut s);
    unsafe {
        APP = Box::into_raw(app);
        let stop = dlsym(std::ptr::null_mut(), b"alloc_log_stop\0".as_ptr());
        if stop.is_null() {
            raise(19);
        } else {
            std::mem::transmute::<*mut u8, extern "C" fn()>(stop)();
        }
        println!("{}", (*APP).tokens.len() + (*APP).ui.children().len() + line.len());
    }
    drop((tx, rx));
}
