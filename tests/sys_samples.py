#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every sample: what it states, what a naive scan sees, what holdfast says."""
import os
import sys

import samples_check

if __name__ == '__main__':
    sys.exit(samples_check.run_samples(
        os.path.join(os.environ['BUILD'], 'samples'),
        sys.argv[1:] or samples_check.sample_names()))
