# SPDX-License-Identifier: MIT
r"""Programs of other people, built from their sources under TYPES_SOURCES:

    apt-get source redis leveldb sqlite3 lua5.4 cppcheck ninja-build
    make -C redis-7.0.15 MALLOC=libc OPTIMIZATION=-O2
    cmake -S leveldb-1.23 -B leveldb-1.23/build -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DLEVELDB_BUILD_TESTS=OFF -DLEVELDB_BUILD_BENCHMARKS=OFF
    make -C leveldb-1.23/build
    (cd sqlite3-3.40.1 && ./configure && make sqlite3.c)
    make -C lua-5.4.4 linux MYCFLAGS=-g
    make -C cppcheck-2.10 CXXFLAGS='-O2 -g -fno-ipa-icf' FILESDIR=$PWD/cppcheck-2.10 cppcheck
    cmake -S ninja-1.11.1 -B ninja-1.11.1/build -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_CXX_FLAGS=-fno-ipa-icf -DBUILD_TESTING=OFF
    make -C ninja-1.11.1/build ninja

Truth comes from the allocation log: in C++ from the names of allocators, in C
from a table of the functions that allocate, written by reading the source.
"""
import glob
import os
import signal
import socket
import subprocess
import tempfile
import time

import judge

# Innermost function first, "<" between them. Behind zmalloc and its kind, who
# asked: first match counts. Sites that are not listed have no truth.
Z = r"(?:z(?:try)?(?:m|c|re)alloc\w*<)+"
REDIS = (
    (Z + r"(?:_?sdsnewlen|sdsMakeRoomFor|_sdsMakeRoomFor|sdsdup|sdsnew|sdsempty|"
     r"sdsResize|sdsRemoveFreeSpace|sdstrynewlen|sdscatlen)", "char|struct sdshdr8"),
    (Z + r"(?:\w*<)?createEmbeddedStringObject<", "redisObject|robj"),
    (Z + r"createObject<", "redisObject|robj"),
    (Z + r"(?:dictAddRaw|dictInsertAtPosition)", "dictEntry"),
    (Z + r"(?:dictCreate|dictNew)<", "dict"),
    (Z + r"(?:_?dictExpand|_dictExpand|dictExpand)", "dictEntry*"),
    (Z + r"zslCreateNode<", "zskiplistNode"),
    (Z + r"zslCreate<", "zskiplist"),
    (Z + r"createZsetObject<", "zset"),
    (Z + r"lpNew<", "unsigned char|char"),
    (Z + r"lp(?:Insert|Append|Shrink)\w*<", "unsigned char|char"),
    (Z + r"quicklistCreateNode<", "quicklistNode"),
    (Z + r"quicklistCreate<", "quicklist"),
    (Z + r"intset(?:New|Resize|Add)\w*<", "intset"),
    (Z + r"streamNew<", "stream"),
    (Z + r"raxNew<", "rax"),
    (Z + r"rax(?:NewNode|AddChild|CompressNode|ReallocForData|GenericInsert)\w*<", "raxNode"),
    (Z + r"listCreate<", "list"),
    (Z + r"listAddNode(?:Head|Tail)<", "listNode"),
    (Z + r"listLinkNode\w*<", "listNode"),
    (Z + r"createClient<", "client|char"),     # and the buffer of its answers
    (Z + r"ACLCreateUser<", "user"),
    (Z + r"aeCreateEventLoop<", "aeEventLoop|aeFileEvent|aeFiredEvent"),
    (Z + r"connCreateSocket<|" + Z + r"connCreateAccepted", "connection"),
)


NEW = r"^operator new\(unsigned long\)<"
L = "leveldb::"
A = "leveldb::(anonymous namespace)::"
LEVELDB = (
    (NEW + r"leveldb::NewLRUCache", A + "ShardedLRUCache|" + A + "LRUHandle*"),
    (NEW + r"leveldb::Block::NewIterator", L + "Block::Iter"),
    (NEW + r"leveldb::NewMergingIterator", A + "MergingIterator|" + L + "IteratorWrapper"),
    (NEW + r"leveldb::Version::NewConcatenatingIterator", L + "Version::LevelFileNumIterator"),
    (NEW + r"leveldb::NewTwoLevelIterator", A + "TwoLevelIterator"),
    (NEW + r"leveldb::NewDBIterator", A + "DBIter"),
    (NEW + r"leveldb::Table::BlockReader", L + "Block"),
    (NEW + r"leveldb::MemTable::NewIterator", L + "MemTableIterator"),
    (NEW + r"leveldb::DBImpl::NewInternalIterator", A + "IterState"),
    (NEW + r"leveldb::SnapshotList::New", L + "SnapshotImpl"),
    (NEW + r"leveldb::TableCache::FindTable", L + "TableAndFile"),
    (NEW + r"leveldb::VersionSet::Builder::Apply", L + "FileMetaData"),
    (NEW + r"main<", "Open"),
)


# sqlite3DbMallocRawNN and its kind, of which most are inlined.
M = (r"(?:^|<)(?:(?:sqlite3(?:Mem|Db)?(?:Malloc|Realloc|DbMalloc|DbRealloc)\w*|malloc\w*|"
     r"dbMalloc\w*|dbRealloc\w*|sqlite3DbReallocOr\w*|sqlite3_malloc\w*|"
     r"sqlite3_realloc\w*|pcache1Alloc|sqlite3PageMalloc)<)+")
SQLITE = tuple((M + "(?:" + where + ")<", what) for where, what in (
    (r"allocateCursor", "VdbeCursor"),
    (r"sqlite3VdbeMem\w*|sqlite3DbStr\w*|sqlite3Str\w*|strAccum\w*|computeIndexAffStr|"
     r"sqlite3(?:Table|Index)AffinityStr|sqlite3ColumnSetColl|"
     r"sqlite3SelectAddColumnTypeAndCollation", "char"),
    (r"sqlite3BtreeOpen", "Btree|BtShared"),
    (r"pcache1AllocPage|pcache1InitBulk", "-"),     # a page, and its header behind it
    (r"pcache1Create", "PCache1"),
    (r"pcache1ResizeHash", "PgHdr1*"),
    (r"allocateTempSpace|sqlite3PagerSetPagesize", "unsigned char|char"),
    (r"sqlite3PagerOpen", "Pager"),
    (r"sqlite3AddColumn", "Column|char"),
    (r"sqlite3ColumnsFromExprList", "Column"),
    (r"sqlite3ValueNew|valueNew|sqlite3VdbeSetNumCols", "sqlite3_value"),
    (r"sqlite3VdbeExec", "sqlite3_context|VdbeFrame"),
    (r"sqlite3VdbeAddFunctionCall", "sqlite3_context"),
    (r"sqlite3VdbeCreate", "Vdbe"),
    (r"exprDup|sqlite3ExprAlloc|tokenExpr|sqlite3PExpr", "Expr"),
    (r"sqlite3AllocateIndexObject", "Index"),
    (r"sqlite3KeyInfoAlloc", "KeyInfo"),
    (r"sqlite3HashInsert", "HashElem"),
    (r"rehash", "_ht"),
    (r"sqlite3VdbeSorterInit", "VdbeSorter|unsigned char|char"),
    (r"sqlite3StartTable", "Table"),
    (r"sqlite3SrcList(?:Dup|Append|Enlarge)", "SrcList"),
    (r"sqlite3ExprList(?:Dup|Append\w*)", "ExprList"),
    (r"sqlite3VListAdd", "int"),
    (r"growOpArray", "VdbeOp"),
    (r"sqlite3VdbeAllocUnpackedRecord", "UnpackedRecord"),
    (r"sqlite3CreateForeignKey", "FKey"),
    (r"sqlite3Select(?:Dup|New)", "Select"),
    (r"sqlite3CreateFunc", "FuncDef"),
    (r"sqlite3BeginTrigger", "Trigger"),
    (r"triggerStepAllocate", "TriggerStep"),
    (r"sqlite3IdList(?:Append|Dup)", "IdList"),
    (r"sqlite3SchemaGet", "Schema"),
    (r"openDatabase", "sqlite3"),
    (r"findCollSeqEntry", "CollSeq"),
    (r"sqlite3VdbeAddOp4Dup8", "char|double|long|unsigned char"),
    (r"sqlite3WithAdd", "With"),
    (r"sqlite3WindowAlloc", "Window"),
))

NEWOBJ = r"luaC_newobj<"
LUA = (
    (NEWOBJ + r"luaH_new<", "Table"),
    (NEWOBJ + r"createstrobj<", "TString"),
    (NEWOBJ + r"luaS_newudata<", "Udata"),
    (NEWOBJ + r"(?:newupval|luaF_initupvals)<", "UpVal"),
    (NEWOBJ + r"luaF_newLclosure<", "LClosure|Closure"),
    (NEWOBJ + r"luaF_newCclosure<", "CClosure|Closure"),
    (NEWOBJ + r"luaF_newproto<", "Proto"),
    (r"(?:^|<)setnodevector<", "Node"),
    (r"luaM_(?:realloc_|malloc_)<luaH_resize<", "TValue"),
    (r"luaE_extendCI<", "CallInfo"),
    (r"luaM_malloc_<stack_init<", "StackValue"),
    (r"luaM_malloc_<lua_newthread<", "LX"),
    (r"luaS_resize<", "TString*"),
    (r"(?:^|<)lua_newstate<", "LG"),
)
LUA_SCRIPT = """
local Point = {}; Point.__index = Point
points, closures, threads, names, mixed = {}, {}, {}, {}, {}
for i = 1, 500 do
  points[i] = setmetatable({x = i, y = i * 1.5, label = "point " .. i}, Point)
end
for i = 1, 200 do
  local n = i
  closures[i] = function(d) n = n + d; return n, points[n] end
end
for i = 1, 30 do
  threads[i] = coroutine.create(function(a)
    local t = {}
    while true do t[#t + 1] = a; a = coroutine.yield(#t) end
  end)
  coroutine.resume(threads[i], i)
end
for i = 1, 300 do names["key " .. i .. string.rep("x", i % 50)] = {i, i .. "", {i}} end
for i = 1, 100 do
  mixed[i % 2 == 0 and i or "m" .. i] =
    load("return function(a) return a * " .. i .. " .. 'text " .. i .. "' end")()
end
os.execute("kill -USR2 $PPID")
"""

# What their containers hold is known without a table.
CPPCHECK = (
    (NEW + r"Token::insertToken", "Token"),
    (NEW + r"Token::Token\(", "TokenImpl"),
    (NEW + r"simplecpp::TokenList::", "simplecpp::Token"),
    (NEW + r"(?:SymbolDatabase::setValueType|Variable::setValueType|Variable::operator=)\(",
     "ValueType"),
    (NEW + r"void Token::originalName", "std::string"),
)
NINJA = (
    (NEW + r"State::GetNode", "Node"),
    (NEW + r"State::AddEdge", "Edge"),
    (NEW + r"ManifestParser::ParseEdge", "BindingEnv"),
    (NEW + r"ManifestParser::ParseRule", "Rule"),
    (NEW + r"ManifestParser::ParsePool", "Pool"),
)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def commands():
    for i in range(400):
        yield "SET key:%d value-%d-with-some-text-in-it" % (i, i)
        yield "SET number:%d %d" % (i, i * 100003)
        yield "HSET small:%d name n%d city c%d" % (i % 50, i, i)
        yield "HSET hash:%d f%d %s" % (i % 20, i, "v" * 70)
        yield "RPUSH list:%d item-%d item-%d" % (i % 20, i, i + 1)
        yield "SADD set:%d member-%d" % (i % 10, i)
        yield "SADD ints:%d %d" % (i % 10, i)
        yield "ZADD zset:%d %d.5 %s-%d" % (i % 10, i, "z" * 70, i)
        yield "XADD stream:%d * field value-%d" % (i % 5, i)
        yield "EXPIRE key:%d 100000" % i


def connect(port):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise TimeoutError("redis-server does not listen")


def fill_redis(port):
    def drive(process):
        with connect(port) as s:
            answers = s.makefile("rb")
            n = 0
            for text in commands():
                s.sendall(text.encode() + b"\r\n")
                n += 1
                line = answers.readline()
                if line.startswith(b"$"):
                    answers.readline()
                elif line.startswith(b"-"):
                    raise RuntimeError(line.decode())
            s.sendall(b"PING\r\n")
            assert answers.readline().startswith(b"+PONG")
            # Answered: it waits for more, in no function that allocates.
            process.send_signal(signal.SIGUSR2)
    return drive


def judge_redis(holdfast, so, server, keep=None):
    port = free_port()
    return judge.judge(
        holdfast, so, [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                       "--hz", "1", "--activerehashing", "no"],
        keep=keep, sites=REDIS, env={"ALLOC_LOG_SIGNAL": "1"}, drive=fill_redis(port))


def judge_leveldb(holdfast, so, source, folder, keep=None):
    here = os.path.dirname(os.path.abspath(__file__))
    program = folder + "/real_leveldb"
    subprocess.run(["g++", "-std=c++17", "-O2", "-g", "-fno-ipa-icf",
                    "-I" + source + "/include", "-o", program,
                    here + "/real_leveldb.cc", source + "/build/libleveldb.a",
                    "-pthread"], check=True)
    return judge.judge(holdfast, so, [program], keep=keep, sites=LEVELDB)


def judge_cppcheck(holdfast, so, source):
    """It checks a file of its own, and stops half-way."""
    return judge.judge(
        holdfast, so, [source + "/cppcheck", "--enable=all", "-I", source + "/lib",
                       source + "/lib/checkclass.cpp"],
        sites=CPPCHECK, env={"ALLOC_LOG_AFTER": "1500000"})


def write_manifest(folder):
    """30 programs of 60 objects each, for ninja."""
    with open(folder + "/build.ninja", "w") as out:
        out.write("rule cc\n  command = gcc $cflags -c $in -o $out\n  depfile = $out.d\n"
                  "rule link\n  command = gcc -o $out $in\npool heavy\n  depth = 3\n")
        for p in range(30):
            objects = ["obj/p%d/file%d.o" % (p, i) for i in range(60)]
            for i, name in enumerate(objects):
                out.write("build %s: cc src/p%d/file_with_a_long_name_%d.c | include/p%d.h\n"
                          "  cflags = -DX=%d\n" % (name, p, i, p, i))
            out.write("build bin/prog%d: link %s\n  pool = heavy\n" % (p, " ".join(objects)))


def judge_ninja(holdfast, so, program, folder):
    write_manifest(folder)
    return judge.judge(holdfast, so, [program, "-C", folder, "-n"], sites=NINJA,
                       env={"ALLOC_LOG_AFTER": "50000"})


def judge_sqlite(holdfast, so, source, folder, keep=None):
    here = os.path.dirname(os.path.abspath(__file__))
    program = folder + "/real_sqlite"
    subprocess.run(["gcc", "-O2", "-g", "-fno-ipa-icf", "-DHAVE_MALLOC_USABLE_SIZE=1",
                    "-DHAVE_MALLOC_H", "-I" + source, "-o", program,
                    here + "/real_sqlite.c", source + "/sqlite3.c",
                    "-pthread", "-ldl", "-lm"], check=True)
    return judge.judge(holdfast, so, [program], keep=keep, sites=SQLITE)


def judge_lua(holdfast, so, program, folder, keep=None):
    script = folder + "/script.lua"
    with open(script, "w") as f:
        f.write(LUA_SCRIPT)
    return judge.judge(holdfast, so, [program, script], keep=keep, sites=LUA,
                       env={"ALLOC_LOG_SIGNAL": "1"})


def judge_all(holdfast, so):
    """Yield (name, judge.Result) of each program that is there."""
    folder = os.environ.get("TYPES_SOURCES")
    if not folder:
        return
    for server in sorted(glob.glob(folder + "/redis*/src/redis-server")):
        yield "redis-server, gcc -O2", judge_redis(holdfast, so, server)
    for library in sorted(glob.glob(folder + "/leveldb*/build/libleveldb.a")):
        with tempfile.TemporaryDirectory() as scratch:
            source = os.path.dirname(os.path.dirname(library))
            yield "leveldb, g++ -O2", judge_leveldb(holdfast, so, source, scratch)
    for source in sorted(glob.glob(folder + "/sqlite3*/sqlite3.c")):
        with tempfile.TemporaryDirectory() as scratch:
            yield "sqlite, gcc -O2", judge_sqlite(holdfast, so, os.path.dirname(source),
                                                  scratch)
    for program in sorted(glob.glob(folder + "/lua*/src/lua")):
        with tempfile.TemporaryDirectory() as scratch:
            yield "lua, gcc -O2", judge_lua(holdfast, so, program, scratch)
    for program in sorted(glob.glob(folder + "/cppcheck*/cppcheck")):
        yield "cppcheck, g++ -O2", judge_cppcheck(holdfast, so, os.path.dirname(program))
    for program in sorted(glob.glob(folder + "/ninja*/build/ninja")):
        with tempfile.TemporaryDirectory() as scratch:
            yield "ninja, g++ -O2", judge_ninja(holdfast, so, program, scratch)
