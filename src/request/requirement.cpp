// SPDX-License-Identifier: Apache-2.0
// Evaluation in three values: a term holds, does not hold, or depends on an unknown fact.
#include "request/requirement.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <variant>

#include "request/spelling.hpp"
#include "text/error.hpp"
#include "text/overloaded.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kOperatorBytes = "<>=!";
constexpr std::string_view kDisable = "set NVIDIA_DISABLE_REQUIRE=1 to try anyway";

enum class Fact { cuda, driver, arch, brand };

struct FactName {
  std::string_view name;
  Fact fact;
};
constexpr std::array kFactNames{
    FactName{"cuda", Fact::cuda},
    FactName{"driver", Fact::driver},
    FactName{"arch", Fact::arch},
    FactName{"brand", Fact::brand},
};

/// An operator, defined by the orders of its two sides for which it holds.
struct Operator {
  std::string_view text;
  bool less = false;
  bool equal = false;
  bool greater = false;

  [[nodiscard]] bool holds(std::strong_ordering order) const {
    if (std::is_lt(order)) return less;
    return std::is_gt(order) ? greater : equal;
  }
  [[nodiscard]] bool is_equality() const { return less == greater; }
  /// Whether a greater left side, such as a newer driver, could make it true.
  [[nodiscard]] bool wants_more() const { return greater && !less; }
};
constexpr std::array kOperators{
    Operator{.text = "=", .equal = true},   Operator{.text = "!=", .less = true, .greater = true},
    Operator{.text = "<", .less = true},    Operator{.text = "<=", .less = true, .equal = true},
    Operator{.text = ">", .greater = true}, Operator{.text = ">=", .equal = true, .greater = true},
};

struct Term {
  Fact fact = Fact::cuda;
  Operator comparison = kOperators.front();
  std::string_view value = {};
  Version version = {};  ///< parsed `value`, unless the fact is the brand
};

struct Malformed {
  std::string_view term = {};
  std::string why = {};
};

template <typename Row>
const Row* find_row(const auto& rows, const auto& matches) {
  const auto* const found = std::find_if(rows.begin(), rows.end(), matches);
  return found == rows.end() ? nullptr : found;
}

const FactName* find_fact(std::string_view name) {
  return find_row<FactName>(
      kFactNames, [&](const FactName& row) { return equals_ignoring_case(row.name, name); });
}

/// Returns the name of a term: the part before the operator.
std::string_view name_of(std::string_view term) {
  return term.substr(0, term.find_first_of(kOperatorBytes));
}

std::variant<Term, Malformed> parse_term(std::string_view text) {
  const std::string_view name = name_of(text);
  const std::string_view tail = text.substr(name.size());
  const auto operator_end = tail.find_first_not_of(kOperatorBytes);
  const std::string_view sign = tail.substr(0, operator_end);
  const FactName* const fact = find_fact(name);
  if (fact == nullptr) return Malformed{text, "only cuda, driver, arch and brand can be required"};
  const auto* const comparison =
      find_row<Operator>(kOperators, [&](const Operator& row) { return row.text == sign; });
  if (comparison == nullptr) return Malformed{text, "the operators are = != < <= > and >="};
  if (operator_end == std::string_view::npos) return Malformed{text, "it ends after the operator"};

  Term term{.fact = fact->fact, .comparison = *comparison, .value = tail.substr(operator_end)};
  if (term.fact == Fact::brand) {
    if (!comparison->is_equality()) return Malformed{text, "brands compare by = and != only"};
    return term;
  }
  auto version = Version::parse(term.value);
  if (!version) return Malformed{text, "what it is compared with is no version number"};
  term.version = *std::move(version);
  return term;
}

/// Compares a version of which only a lower bound is known; nullopt if that does not decide.
std::optional<bool> holds_from(const std::optional<Version>& least, const Term& term) {
  if (!least || *least < term.version) return std::nullopt;
  const Operator& comparison = term.comparison;
  if (*least == term.version && comparison.equal != comparison.greater) return std::nullopt;
  return comparison.greater;
}

std::optional<bool> holds(const Term& term, const RequirementFacts& facts) {
  const auto compare = [&](const std::optional<Version>& left) -> std::optional<bool> {
    if (!left) return std::nullopt;
    return term.comparison.holds(*left <=> term.version);
  };
  switch (term.fact) {
    case Fact::cuda:
      return facts.cuda ? compare(facts.cuda) : holds_from(facts.least_cuda, term);
    case Fact::driver:
      return compare(facts.driver.str().empty() ? std::nullopt : std::optional(facts.driver));
    case Fact::arch:
      return facts.no_gpu ? true : compare(facts.arch);
    case Fact::brand:
      break;
  }
  if (facts.no_gpu) return true;
  if (!facts.brand) return std::nullopt;
  return equals_ignoring_case(*facts.brand, term.value) == term.comparison.equal;
}

/// Why one alternative does not hold.
struct Shortfall {
  std::string_view alternative = {};
  Term term = {};
  std::size_t held = 0;  ///< number of terms before it that hold
};

struct Holds {
  std::string_view alternative = {};
};
struct Unsatisfied {
  Shortfall closest = {};
  bool newer_cuda_would_do = false;
};
struct Undecided {
  Fact first = Fact::cuda;
  NeededFacts facts = {};
  /// A malformed term is reached if the terms of unknown truth hold.
  bool hides_malformed = false;
};
using Outcome = std::variant<Holds, Unsatisfied, Undecided, Malformed>;

void add(NeededFacts& needed, Fact fact) {
  switch (fact) {
    case Fact::cuda:
      needed.cuda = true;
      break;
    case Fact::arch:
      needed.arch = true;
      break;
    case Fact::brand:
      needed.brand = true;
      break;
    case Fact::driver:
      break;  // always known if there is a driver
  }
}

/// The first false term decides, even after one whose truth is not known. A malformed term after
/// such a term may not be reached.
Outcome evaluate_alternative(std::string_view alternative, const RequirementFacts& facts) {
  std::optional<Undecided> undecided;
  std::size_t held = 0;
  for (const std::string_view text : split(alternative, ',')) {
    if (text.empty()) continue;
    auto parsed = parse_term(text);
    if (auto* malformed = std::get_if<Malformed>(&parsed)) {
      if (!undecided) return std::move(*malformed);
      undecided->hides_malformed = true;
      break;
    }
    const Term& term = std::get<Term>(parsed);
    const auto truth = holds(term, facts);
    if (truth == std::optional(false)) {
      return Unsatisfied{
          .closest = {alternative, term, held},
          .newer_cuda_would_do = term.fact == Fact::cuda && term.comparison.wants_more()};
    }
    if (truth) {
      ++held;
      continue;
    }
    if (!undecided) undecided = Undecided{.first = term.fact};
    add(undecided->facts, term.fact);
  }
  return undecided ? Outcome(*undecided) : Holds{alternative};
}

void merge(std::optional<Unsatisfied>& best, const Unsatisfied& next) {
  if (!best) {
    best = next;
    return;
  }
  best->newer_cuda_would_do = best->newer_cuda_would_do || next.newer_cuda_would_do;
  if (next.closest.held > best->closest.held) best->closest = next.closest;
}

void merge(std::optional<Undecided>& all, const Undecided& next) {
  if (!all) all = Undecided{.first = next.first};
  all->facts.cuda = all->facts.cuda || next.facts.cuda;
  all->facts.arch = all->facts.arch || next.facts.arch;
  all->facts.brand = all->facts.brand || next.facts.brand;
  all->hides_malformed = all->hides_malformed || next.hides_malformed;
}

/// libnvidia-container dsl.c: space is OR, comma is AND; empty alternatives and terms are skipped.
Outcome evaluate(std::string_view expression, const RequirementFacts& facts) {
  std::optional<Unsatisfied> unsatisfied;
  std::optional<Undecided> undecided;
  for (const std::string_view alternative : split(expression, ' ')) {
    if (alternative.empty()) continue;
    Outcome outcome = evaluate_alternative(alternative, facts);
    if (const auto* no = std::get_if<Unsatisfied>(&outcome)) {
      merge(unsatisfied, *no);
    } else if (const auto* unknown = std::get_if<Undecided>(&outcome)) {
      merge(undecided, *unknown);
    } else if (undecided &&
               (undecided->hides_malformed || std::holds_alternative<Malformed>(outcome))) {
      return *undecided;
    } else {
      return outcome;
    }
  }
  if (undecided) return *undecided;
  return unsatisfied ? Outcome(*unsatisfied) : Holds{};
}

// Messages for requirements that do not hold.

std::string shortened(std::string_view text) {
  constexpr std::size_t kRoom = 200;
  return text.size() <= kRoom ? std::string(text) : std::string(text.substr(0, kRoom)) + "…";
}

/// Returns "image needs cuda>=12.8 or one of 30 alternatives (NVIDIA_REQUIRE_CUDA)".
std::string image_needs(const Requirement& requirement) {
  std::vector<std::string_view> alternatives = split(requirement.expression, ' ');
  std::erase(alternatives, "");
  std::string text = "image needs " + shortened(alternatives.front());
  if (alternatives.size() == 2) text += " or an alternative";
  if (alternatives.size() > 2) {
    text += " or one of " + std::to_string(alternatives.size() - 1) + " alternatives";
  }
  return text + " (" + requirement.variable + ")";
}

std::string describe(Fact fact, const RequirementFacts& facts) {
  const std::string gpu = facts.gpu.empty() ? "the GPU" : facts.gpu;
  switch (fact) {
    case Fact::cuda:
      return "driver " + facts.driver.str() + " provides CUDA " + cuda_text(facts);
    case Fact::driver:
      return "the driver is " + facts.driver.str();
    case Fact::arch:
      return gpu + " has compute capability " + (facts.arch ? facts.arch->str() : "unknown");
    case Fact::brand:
      break;
  }
  return gpu + " is of brand " + facts.brand.value_or("unknown");
}

std::string remedy_for(const Unsatisfied& outcome) {
  std::string cure;
  if (outcome.newer_cuda_would_do) {
    // The words of NVIDIA's toolkit, which people search for.
    cure = "please update your driver to a newer version, or use an earlier cuda container";
  } else {
    switch (outcome.closest.term.fact) {
      case Fact::cuda:
      case Fact::driver:
        cure = outcome.closest.term.comparison.wants_more()
                   ? "upgrade the driver"
                   : "use an image that was made for this driver";
        break;
      case Fact::arch:
      case Fact::brand:
        cure = "choose another GPU with NVIDIA_VISIBLE_DEVICES, or use an image made for this one";
        break;
    }
  }
  return cure + ", or " + std::string(kDisable);
}

[[noreturn]] void fail(const Requirement& requirement, const Unsatisfied& outcome,
                       const RequirementFacts& facts) {
  const Shortfall& closest = outcome.closest;
  std::string message = image_needs(requirement) +
                        ", unsatisfied condition: " + shortened(closest.alternative) + "; " +
                        describe(closest.term.fact, facts);
  if (outcome.newer_cuda_would_do && closest.term.fact != Fact::cuda) {
    message += "; " + describe(Fact::cuda, facts);
  }
  throw Error(Code::requirement_unsatisfied, message, remedy_for(outcome));
}

[[noreturn]] void fail(const Requirement& requirement, const Malformed& malformed) {
  throw Error(Code::requirement_malformed,
              "invalid expression `" + shortened(malformed.term) + "` in " + requirement.variable +
                  ": " + malformed.why,
              with_quotes_remedy(requirement.expression,
                                 "correct the variable, or " + std::string(kDisable)));
}

[[noreturn]] void fail(const Requirement& requirement, const Undecided& undecided,
                       const RequirementFacts& facts) {
  const std::string gpu = facts.gpu.empty() ? "the GPU" : facts.gpu;
  std::string unknown;
  switch (undecided.first) {
    case Fact::cuda:
      unknown = "the CUDA version of driver " + facts.driver.str();
      break;
    case Fact::driver:
      unknown = "the version of the driver";
      break;
    case Fact::arch:
      unknown = "the compute capability of " + gpu;
      break;
    case Fact::brand:
      unknown = "the brand of " + gpu;
      break;
  }
  throw Error(Code::requirement_unknown,
              image_needs(requirement) + ", and " + unknown + " is not known",
              std::string(kDisable));
}

}  // namespace

std::string cuda_text(const RequirementFacts& facts) {
  if (facts.cuda) return facts.cuda->str();
  return facts.least_cuda ? facts.least_cuda->str() + " or later" : "of an unknown version";
}

NeededFacts undecided_facts(const std::vector<Requirement>& requirements,
                            const RequirementFacts& known) {
  std::optional<Undecided> all;
  for (const Requirement& requirement : requirements) {
    const Outcome outcome = evaluate(requirement.expression, known);
    if (const auto* undecided = std::get_if<Undecided>(&outcome)) merge(all, *undecided);
  }
  return all ? all->facts : NeededFacts{};
}

std::vector<std::string_view> check_requirements(const std::vector<Requirement>& requirements,
                                                 const RequirementFacts& facts) {
  std::vector<std::string_view> alternatives;
  for (const Requirement& requirement : requirements) {
    std::visit(Overloaded{
                   [&](const Holds& holds) { alternatives.push_back(holds.alternative); },
                   [&](const Unsatisfied& outcome) { fail(requirement, outcome, facts); },
                   [&](const Undecided& undecided) { fail(requirement, undecided, facts); },
                   [&](const Malformed& malformed) { fail(requirement, malformed); },
               },
               evaluate(requirement.expression, facts));
  }
  return alternatives;
}

}  // namespace nvhook
