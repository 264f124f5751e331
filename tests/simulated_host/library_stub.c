// SPDX-License-Identifier: Apache-2.0
// Every other library of the simulated driver: a real shared object with a SONAME, and nothing in
// it.

int oci_nvidia_simulated_library(void) { return 0; }
