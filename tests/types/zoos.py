# SPDX-License-Identifier: MIT
"""The zoos, and how to build them."""
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# name -> (language, source, standard)
ZOOS = {
    "containers": ("C++", "zoo_containers.cc", "c++17"),
    "idioms": ("C++", "zoo_idioms.cc", "c++20"),
    "library": ("C++", "zoo_library.cc", "c++20"),
    "service": ("C++", "zoo_service.cc", "c++20"),
    "c": ("C", "zoo_c.c", "gnu11"),
    "c-library": ("C", "zoo_library.c", "gnu11"),
    "c-kernel": ("C", "zoo_kernel.c", "gnu11"),
    "rust": ("Rust", "zoo_rust.rs", "2021"),
    "rust-more": ("Rust", "zoo_rust_more.rs", "2021"),
    "rust-service": ("Rust", "zoo_rust_service.rs", "2021"),
    "rust-app": ("Rust", "zoo_rust_app.rs", "2021"),
}

# Functions of equal code stay apart: their names are the truth.
FLAGS = {"gcc": ["-fno-ipa-icf"], "g++": ["-fno-ipa-icf"], "clang": [], "clang++": [],
         "clang++ libc++": ["-stdlib=libc++"]}
RUST_FLAGS = ["-g", "-C", "symbol-mangling-version=v0", "-Z", "merge-functions=disabled",
              "-Z", "share-generics=no"]
COMPILERS = {"C": ("gcc", "clang"), "C++": ("g++", "clang++", "clang++ libc++"),
             "Rust": ("rustc",)}


def command(zoo, compiler, level, out):
    language, source, standard = ZOOS[zoo]
    path = os.path.join(HERE, source)
    if language == "Rust":
        return ["rustc", "--edition", standard, "-C", "opt-level=%d" % level,
                *RUST_FLAGS, "-o", out, path]
    return [*compiler.split()[:1], "-std=" + standard, "-O%d" % level, "-g",
            *FLAGS[compiler], "-I" + ROOT, "-pthread", "-o", out, path]


def build(zoo, compiler, level, folder):
    """The program's path."""
    out = os.path.join(folder, ("%s-%s-O%d" % (zoo, compiler, level)).replace(" ", "-"))
    # -Z is for the compilers of those who build Rust itself, or who insist.
    env = dict(os.environ, RUSTC_BOOTSTRAP="1")
    subprocess.run(command(zoo, compiler, level, out), check=True, env=env)
    return out


def build_log(folder):
    """alloc_log.so"""
    out = os.path.join(folder, "alloc_log.so")
    subprocess.run(["gcc", "-O2", "-fPIC", "-shared", "-o", out,
                    os.path.join(HERE, "alloc_log.c"), "-ldl"], check=True)
    return out


def works(compiler):
    """Is it installed, with its library?"""
    if not shutil.which(compiler.split()[0]):
        return False
    if compiler == "rustc":
        return True
    suffix = ".cc" if "++" in compiler else ".c"
    with tempfile.TemporaryDirectory() as folder:
        source = folder + "/a" + suffix
        with open(source, "w") as f:
            f.write("#include <%s>\nint main(void) { return 0; }\n" %
                    ("vector" if suffix == ".cc" else "stdlib.h"))
        return subprocess.run([compiler.split()[0], *FLAGS[compiler], "-o", folder + "/a",
                               source], stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
