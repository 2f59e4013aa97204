#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <luban/core/time.hpp>
#include <luban/process/export.hpp>
#include <luban/process/process.hpp>

namespace luban::process {

/// A number in the variable's unit, or the name of a category.
using Value = std::variant<double, std::string>;

/// One named value with its unit.
struct LUBAN_PROCESS_EXPORT NamedValue {
  std::string name;
  Value value;
  std::string unit;
  friend bool operator==(const NamedValue&, const NamedValue&) = default;
};

/// Values for a run: ordered, named, with units (ISA-88: the formula of a control recipe).
class LUBAN_PROCESS_EXPORT Recipe {
 public:
  Recipe() = default;
  explicit Recipe(std::vector<NamedValue> values);  ///< @throws ConfigurationError on a name used twice
  [[nodiscard]] const std::vector<NamedValue>& values() const noexcept { return values_; }
  [[nodiscard]] const Value* find(const std::string& name) const noexcept;
  /// @throws ConfigurationError when the name is absent or holds a category.
  [[nodiscard]] double number(const std::string& name) const;
  friend bool operator==(const Recipe&, const Recipe&) = default;

 private:
  std::vector<NamedValue> values_;
};

/// One measurement within a run.
struct LUBAN_PROCESS_EXPORT Reading {
  std::int64_t repeat = 0;
  core::UtcTime time;
  std::vector<NamedValue> noise;      ///< levels of the noise variables
  std::vector<NamedValue> responses;  ///< measured values
};

/// Samples of one channel during a run.
struct LUBAN_PROCESS_EXPORT Trace {
  std::string name;
  std::string unit;
  core::UtcTime start_time;
  core::Nanoseconds period{0};
  std::vector<float> values;
};

/// One execution of the process that yields responses.
struct LUBAN_PROCESS_EXPORT Run {
  std::string run_id;
  core::UtcTime start_time;
  core::UtcTime end_time;
  Recipe recipe;  ///< parameters as commanded
  std::vector<NamedValue> context;
  std::vector<Reading> readings;
  std::vector<Trace> traces;
  /// @throws DataError when a name, unit, category or finite value does not fit the process.
  void validate(const Process& process) const;
};

}  // namespace luban::process
