#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <luban/core/json.hpp>
#include <luban/evaluation/evaluate.hpp>
#include <luban/evaluation/export.hpp>

namespace luban::evaluation {

/// What a model claims, and what the claim rests on. Goes into the artefact and onto paper.
struct LUBAN_EVALUATION_EXPORT ModelCard {
  struct LUBAN_EVALUATION_EXPORT Data {
    std::string digest;  ///< SHA-256 of the dataset as learned from
    std::int64_t readings = 0, runs = 0, groups = 0;
    std::vector<std::string> inputs;
  };
  struct LUBAN_EVALUATION_EXPORT Validation {
    std::string split;       ///< "groups" or "time_blocks"
    std::string grouped_by;  ///< in words: what is never split
    int folds = 0, repeats = 0;
    std::uint64_t seed = 0;
  };
  /// Scores of one contender.
  struct LUBAN_EVALUATION_EXPORT Row {
    std::string contender;
    bool without_gross = false;
    Scores mean, standard_error, pooled, repeat_sd;
  };
  struct LUBAN_EVALUATION_EXPORT Response {
    std::string name, unit;
    std::int64_t gross_errors = 0;
    NoiseCeiling ceiling;
    std::vector<Row> scores;  ///< the model first
    Calibration reading, run_mean;
    std::vector<double> calibrated_coverage;
    bool beats_noise = false;
    std::vector<std::pair<std::string, double>> hyperparameters;
  };

  std::string process;
  std::string surrogate;  ///< name of the model among the contenders
  std::string code_version;
  std::string created_time;  ///< ISO 8601
  Data data;
  Validation validation;
  std::vector<Response> responses;
  std::vector<std::string> why;  ///< plain sentences: how the model was chosen, what to be careful about

  [[nodiscard]] core::Json to_json() const;
  /// @throws DataError when something is missing or of another type.
  [[nodiscard]] static ModelCard from_json(const core::Json& json);
};

/// Card of the first contender. `why` begins with what the evaluation itself gives reason to say: gross errors set
/// aside, intervals that rest on few groups, a ceiling that is incomplete or beaten.
/// Process, code version, creation time, grouping and hyperparameters are the caller's to fill in.
[[nodiscard]] LUBAN_EVALUATION_EXPORT ModelCard make_card(const features::Dataset& data, const Evaluation& evaluation);

/// SHA-256 over inputs, responses, runs and groups.
[[nodiscard]] LUBAN_EVALUATION_EXPORT std::string data_digest(const features::Dataset& data);

}  // namespace luban::evaluation
