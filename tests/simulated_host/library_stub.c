// SPDX-License-Identifier: Apache-2.0
// All other libraries of the simulated driver: an empty shared object with a SONAME.

int oci_nvidia_simulated_library(void) { return 0; }
