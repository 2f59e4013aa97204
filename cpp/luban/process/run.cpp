#include <luban/process/run.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

#include "detail/refuse.hpp"

namespace luban::process {
namespace {

using core::quoted;

/// Checks values of one run against the process; every error names the run.
class RunCheck {
 public:
  explicit RunCheck(const Run& run) : place_("run " + quoted(run.run_id)) {}

  [[noreturn]] void refuse(std::string expected, std::string received, std::string hint = {}) const {
    throw core::DataError({.where = "process.Run",
                           .expected = std::move(expected),
                           .received = std::move(received),
                           .place = place_,
                           .hint = std::move(hint)});
  }

  template <typename V>
  void values(const std::vector<NamedValue>& given, const std::vector<V>& declared, const char* role) const {
    std::set<std::string> seen;
    for (const NamedValue& item : given) {
      if (!seen.insert(item.name).second) refuse("each " + std::string(role) + " once", quoted(item.name) + " twice");
      fits(item, find(item.name, declared, role));
    }
  }

  void responses(const std::vector<NamedValue>& given, const std::vector<Response>& declared) const {
    std::set<std::string> seen;
    for (const NamedValue& item : given) {
      if (!seen.insert(item.name).second) refuse("each response once in a reading", quoted(item.name) + " twice");
      const Response& response = find(item.name, declared, "response");
      unit(item, response.unit);
      number(item);
    }
  }

 private:
  template <typename V>
  [[nodiscard]] const V& find(const std::string& name, const std::vector<V>& declared, const char* role) const {
    const auto at = std::find_if(declared.begin(), declared.end(), [&name](const V& v) { return v.name == name; });
    if (at != declared.end()) return *at;
    std::vector<std::string> known;
    for (const V& v : declared) known.push_back(v.name);
    refuse("a declared " + std::string(role), quoted(name), core::nearest_hint(name, known));
  }

  void unit(const NamedValue& item, const std::string& expected) const {
    if (item.unit != expected) {
      refuse("unit " + quoted(expected) + " of " + quoted(item.name), quoted(item.unit), "convert it before");
    }
  }

  double number(const NamedValue& item) const {
    const double* value = std::get_if<double>(&item.value);
    if (value == nullptr) {
      refuse("a number for " + quoted(item.name), "category " + quoted(std::get<std::string>(item.value)));
    }
    if (!std::isfinite(*value)) refuse("a finite value of " + quoted(item.name), core::number_text(*value));
    return *value;
  }

  void fits(const NamedValue& item, const Variable& variable) const {
    unit(item, variable.unit);
    if (variable.is_numeric()) {
      const double value = number(item);
      if (variable.kind == VariableKind::integer && std::floor(value) != value) {
        refuse("a whole number for " + quoted(item.name), core::number_text(value));
      }
      return;
    }
    const std::string* category = std::get_if<std::string>(&item.value);
    if (category == nullptr) {
      refuse("a category of " + quoted(item.name), core::number_text(std::get<double>(item.value)));
    }
    if (!variable.code(*category)) {
      refuse("a known category of " + quoted(item.name), quoted(*category),
             core::nearest_hint(*category, variable.categories));
    }
  }

  std::string place_;
};

}  // namespace

Recipe::Recipe(std::vector<NamedValue> values) : values_(std::move(values)) {
  std::set<std::string> seen;
  for (const NamedValue& item : values_) {
    const detail::Refuse refuse{.where = "process.Recipe", .place = "value " + quoted(item.name)};
    detail::require_name(item.name, refuse);
    if (!seen.insert(item.name).second) refuse("each name once", quoted(item.name) + " twice");
  }
}

const Value* Recipe::find(const std::string& name) const noexcept {
  const auto at = std::find_if(values_.begin(), values_.end(), [&name](const NamedValue& v) { return v.name == name; });
  return at == values_.end() ? nullptr : &at->value;
}

double Recipe::number(const std::string& name) const {
  const detail::Refuse refuse{.where = "process.Recipe.number", .place = "value " + quoted(name)};
  const Value* value = find(name);
  if (value == nullptr) {
    std::vector<std::string> known;
    for (const NamedValue& item : values_) known.push_back(item.name);
    refuse("a value " + quoted(name), "a recipe without it", core::nearest_hint(name, known));
  }
  if (const double* number = std::get_if<double>(value)) return *number;
  refuse("a number", "category " + quoted(std::get<std::string>(*value)));
}

void Run::validate(const Process& process) const {
  const RunCheck check(*this);
  if (run_id.empty()) check.refuse("a run_id", "an empty one");
  if (!start_time.missing() && !end_time.missing() && end_time < start_time) {
    check.refuse("an end after the start " + start_time.iso(), end_time.iso());
  }
  check.values(recipe.values(), process.parameters(), "parameter");
  check.values(context, process.context(), "context variable");
  std::set<std::int64_t> repeats;
  for (const Reading& reading : readings) {
    if (!repeats.insert(reading.repeat).second) {
      check.refuse("each reading number once", std::to_string(reading.repeat) + " twice");
    }
    check.values(reading.noise, process.noise(), "noise variable");
    check.responses(reading.responses, process.responses());
  }
}

}  // namespace luban::process
