#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/evaluation/calibration.hpp>
#include <luban/evaluation/cross_validation.hpp>
#include <luban/evaluation/export.hpp>
#include <luban/evaluation/noise_ceiling.hpp>
#include <luban/evaluation/scores.hpp>
#include <luban/features/robust_weights.hpp>

namespace luban::evaluation {

/// How the runs are divided; stated groups are never split.
enum class Split {
  groups,      ///< groups dealt at random
  time_blocks  ///< contiguous blocks of time; the same at every repeat
};

struct EvaluationOptions {
  int folds = 5;    ///< 2 … number of groups
  int repeats = 1;  ///< 1 … : further repeats deal the groups anew
  Split split = Split::groups;
  bool baselines = true;                      ///< add them to the contenders
  features::RobustWeightOptions robust = {};  ///< which readings the scores "without gross errors" leave out
  int threads = 0;                            ///< fits at a time; 0 = the CPU budget
};

/// Scores with their spread. Folds share training data, so the standard error over folds is a guide, not a promise
/// (no unbiased one exists: Bengio and Grandvalet 2004, JMLR 5).
struct LUBAN_EVALUATION_EXPORT ScoreSummary {
  Scores mean;                ///< over all folds of all repeats
  Scores standard_error;      ///< of that mean, over the folds; NaN with one fold
  Scores pooled;              ///< all readings together, mean over repeats
  Scores repeat_sd;           ///< of the pooled score over repeats; NaN with one
  std::vector<Scores> folds;  ///< repeat by repeat
};

/// One contender, one response.
struct LUBAN_EVALUATION_EXPORT ResponseEvaluation {
  ScoreSummary all;                         ///< every reading
  ScoreSummary without_gross;               ///< gross errors set aside
  Calibration reading;                      ///< from the first repeat
  Calibration run_mean;                     ///< from the first repeat
  std::vector<double> calibrated_coverage;  ///< of readings of groups left out, per score level
  bool beats_noise = false;                 ///< better than replicate noise allows: look for a leak
};

struct LUBAN_EVALUATION_EXPORT ContenderEvaluation {
  std::string name;
  std::vector<ResponseEvaluation> responses;  ///< (m)
  OutOfFold out_of_fold;                      ///< of the first repeat
};

struct LUBAN_EVALUATION_EXPORT Evaluation {
  std::vector<ContenderEvaluation> contenders;  ///< as given, then the baselines
  std::vector<NoiseCeiling> ceilings;           ///< (m)
  std::vector<Eigen::VectorXd> weights;         ///< (m) robust weights of the readings
  int folds = 0;
  int repeats = 0;
  Split split = Split::groups;
  std::uint64_t seed = 0;

  /// The same with one contender in front: that is whom make_card() describes. @throws ConfigurationError when there is
  /// none of that name.
  [[nodiscard]] Evaluation led_by(const std::string& contender) const;
};

/// One fit of an evaluation: what a contender learns, and with which key.
struct LUBAN_EVALUATION_EXPORT FoldFit {
  int repeat = 0;
  int fold = 0;
  std::vector<std::int32_t> train;  ///< runs
  core::RandomKey key;
};

/// The fits that evaluate() will ask of a contender with the same arguments, for those who prepare them elsewhere.
/// @throws ConfigurationError on an option out of range; DataError when there are fewer groups than folds.
[[nodiscard]] LUBAN_EVALUATION_EXPORT std::vector<FoldFit> fold_fits(const features::Dataset& data,
                                                                     const std::string& contender, core::RandomKey key,
                                                                     const EvaluationOptions& options = {});

/// Scores contenders and baselines on the same grouped folds, beside the noise ceiling, and calibrates their
/// intervals. @throws ConfigurationError on an option out of range; DataError when there are fewer groups than folds;
/// whatever a contender throws; StoppedError.
[[nodiscard]] LUBAN_EVALUATION_EXPORT Evaluation evaluate(const features::Dataset& data,
                                                          std::vector<Contender> contenders, core::RandomKey key,
                                                          const EvaluationOptions& options = {},
                                                          const core::CallControl& control = {});

/// Baselines, by name "trivial" (the mean of the training runs), "context_mean" (the mean of what has the same
/// categories; only where there are any) and "linear".
[[nodiscard]] LUBAN_EVALUATION_EXPORT std::vector<Contender> baselines(const features::Encoder& encoder);

}  // namespace luban::evaluation
