#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every sample: what it states, what a naive scan sees, what holdfast says."""
import os
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import samples_check  # noqa: E402

if __name__ == '__main__':
    sys.exit(samples_check.run_samples(
        os.path.join(os.environ['BUILD'], 'samples'),
        sys.argv[1:] or samples_check.sample_names()))
