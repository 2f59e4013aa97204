#pragma once

#include <optional>
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
  /// What a response is fitted with again, from there on, where `model` has seen next to no noise: the same covariance
  /// with other priors. Part of the preset alone: what is made of it has one model.
  std::optional<ModelSpec> quiet = {};
};

/// Every preset for a process with this many numeric (ordinal included) and categorical inputs; the default first.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::vector<Preset> presets(Eigen::Index numeric, Eigen::Index categorical);

/// One of them. @throws ConfigurationError on an unknown name, naming the nearest.
[[nodiscard]] LUBAN_SURROGATE_EXPORT Preset preset(const std::string& name, Eigen::Index numeric,
                                                   Eigen::Index categorical);

/// What any preset can be given beside what it is.
struct PresetChanges {
  bool warped = false;     ///< numeric inputs are bent as the data ask (WarpSpec)
  bool embedded = false;   ///< categories get learned places instead of one length per input (FactorKind::embedding)
  int embedding_rank = 0;  ///< 0 … 64, as FactorSpec::rank
  std::string forgetting = {};  ///< name of a numeric input, the time: what is long ago counts less; empty = none
  double forgotten = 0.0;       ///< what is forgotten in one unit of that input, below 1; 0 = learned
  bool noise_varies = false;    ///< noise that changes with the inputs (NoiseProfileSpec)
  std::vector<std::string> noise_inputs = {};  ///< those it changes with; empty = all
  std::string tasks = {};  ///< name of a categorical input whose categories are alike (FactorKind::coregionalisation)
};

/// A preset with these changes, without `quiet`; its name tells them, "luban+warped" say. @throws ConfigurationError on
/// an option out of range. Whether the inputs exist shows when it is fitted.
[[nodiscard]] LUBAN_SURROGATE_EXPORT Preset changed(Preset base, const PresetChanges& changes);

}  // namespace luban::surrogate
