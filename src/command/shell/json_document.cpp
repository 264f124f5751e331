// SPDX-License-Identifier: Apache-2.0
// Makes and prints JSON documents.
#include "command/shell/json_document.hpp"

#include <ostream>
#include <string>

namespace nvhook {

Json json_document(std::string_view name, unsigned version) {
  return {{"schema", "oci-nvidia/" + std::string(name)}, {"version", version}};
}

void print_json(const Json& document, std::ostream& out) {
  out << document.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace nvhook
