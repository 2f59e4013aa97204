#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/core/time.hpp>
#include <luban/features/dataset.hpp>
#include <luban/surrogate/neural_ensemble.hpp>
#include <luban/training/export.hpp>

namespace luban::training {

/// How an ensemble of networks is trained. Defaults serve histories nobody has seen yet.
struct NeuralEnsembleOptions {
  int members = 8;                     ///< 2 … 256
  std::vector<int> hidden = {64, 64};  ///< inner width of each residual block; the first is the width between blocks
  int epochs = 300;                    ///< at most; 1 …
  int minibatch = 256;                 ///< weighted means at a step, at most; small data take at least 8 steps an epoch
  double learning_rate = 4e-3;         ///< at the start; falls to a twentieth along half a cosine
  double weight_decay = 1e-2;          ///< decoupled (Loshchilov and Hutter 2019)
  double validation_share = 0.2;       ///< of the groups, kept aside by each member to stop early; in (0, 0.5]
  int patience = 40;                   ///< epochs without a better validation density before a member stops
  double beta = 0.5;                   ///< weight of a residual by its noise variance (Seitzer et al. 2022); 0 … 1
  std::string precision = "float32";   ///< float32 | float64
  std::string device = "default";      ///< default (cpu) | cpu | cuda | cuda:0 …
  int threads = 0;                     ///< members at a time; 0 = the CPU budget
};

/// What became of one member.
struct MemberReport {
  int epochs = 0;                              ///< trained
  int best_epoch = 0;                          ///< whose weights were kept
  double validation_log_density = 0.0;         ///< per reading of a standardised response, at the best epoch; nats
  std::vector<std::string> validation_groups;  ///< kept aside
};

struct LUBAN_TRAINING_EXPORT NeuralEnsembleFit {
  std::shared_ptr<const surrogate::NeuralEnsemble> ensemble;
  std::vector<MemberReport> reports;
};

/// Where unfinished members are kept, so that a stopped training goes on. One file per member under a name that holds
/// the digest of data, options and key: nothing foreign is ever taken up.
struct CheckpointOptions {
  std::filesystem::path folder = {};                      ///< empty = none are kept
  core::Nanoseconds every{std::int64_t{60'000'000'000}};  ///< and at a request to stop
};

/// Trains an ensemble of residual networks with heteroscedastic heads on all responses at once; missing values and
/// gross errors (features::robust_weights) count nothing. Readings of a run at one input point enter as their count,
/// mean and sum of squares, which is exact for a normal density. Each member has its own start, order and validation
/// groups, drawn from `key`: results depend neither on threads nor on interruptions.
/// @throws ConfigurationError on an option out of range; DataError when a response has no usable reading or there are
/// fewer than three groups; NotBuiltError when the device is not there; NumericalError when training diverges; IoError
/// on a checkpoint that cannot be written; StoppedError (what was done is kept in the checkpoint).
[[nodiscard]] LUBAN_TRAINING_EXPORT NeuralEnsembleFit fit_neural_ensemble(const features::Dataset& data,
                                                                          const NeuralEnsembleOptions& options,
                                                                          core::RandomKey key,
                                                                          const core::CallControl& control = {},
                                                                          const CheckpointOptions& checkpoint = {});

}  // namespace luban::training
