#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>
#include <luban/surrogate/kernel.hpp>

namespace luban::surrogate {

/// A named choice of covariance, priors and bounds.
struct LUBAN_SURROGATE_EXPORT Preset {
  std::string name;
  std::string description;  ///< one sentence with its source
  ModelSpec model;
};

/// Every preset for a process with this many numeric (ordinal included) and categorical inputs; the default first.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::vector<Preset> presets(Eigen::Index numeric, Eigen::Index categorical);

/// One of them. @throws ConfigurationError on an unknown name, naming the nearest.
[[nodiscard]] LUBAN_SURROGATE_EXPORT Preset preset(const std::string& name, Eigen::Index numeric,
                                                   Eigen::Index categorical);

}  // namespace luban::surrogate
