#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <luban/guard/options.hpp>
#include <luban/process/envelope.hpp>
#include <luban/process/process.hpp>

#include "region.hpp"

namespace luban::guard::detail {

/// Variables with their positions by name.
struct Variables {
  std::vector<process::Variable> list;
  std::unordered_map<std::string, std::size_t> position;
  void add(const process::Variable& variable) {
    position.emplace(variable.name, list.size());
    list.push_back(variable);
  }
};

/// Where a variable of the envelope is found: among the parameters or in the context.
struct Source {
  bool is_parameter = false;
  std::size_t position = 0;
};

/// Everything that is fixed when a guard is made.
struct Plan {
  GuardOptions options;
  Variables parameters;
  Variables context;
  std::vector<process::OperatingLimits> limits;  ///< by parameter
  std::vector<std::size_t> numeric;              ///< positions of the numeric parameters
  Region region;                                 ///< limits and rows over the numeric parameters
  std::vector<std::string> row_texts;
  std::vector<double> deadband;                       ///< by numeric parameter, in scales
  std::unordered_map<std::string, InputRule> inputs;  ///< of every input that is known, with its unit
  process::TrainingEnvelope envelope;
  std::string envelope_digest;
  double novelty_threshold = 0.0;
  std::vector<Source> numbers;     ///< of the envelope's numeric variables
  std::vector<Source> categories;  ///< of its categorical ones
  std::set<std::vector<std::string>> combinations;
};

/// @throws IntegrityError, ConfigurationError as Guard.
[[nodiscard]] Plan make_plan(const process::Process& process, const process::TrainingEnvelope& envelope,
                             const std::string& envelope_digest, GuardOptions options);

}  // namespace luban::guard::detail
