/* SPDX-License-Identifier: MIT */
/**
 * @file
 * SIGTERM and SIGHUP as polite requests to stop, beside Ctrl-C.
 *
