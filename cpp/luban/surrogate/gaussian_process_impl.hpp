#pragma once

#include <string>
#include <vector>

#include <luban/surrogate/detail/fit_response.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::surrogate {

struct GaussianProcess::Impl {
  features::Encoder encoder;
  std::vector<features::ResponseColumn> responses;
  std::string preset;
  ModelSpec model;
  std::vector<detail::FittedResponse> fitted;  ///< (m)
  std::vector<FitReport> reports;              ///< (m), the same as in fitted
};

/// Names of the responses whose fit is marked degraded.
[[nodiscard]] std::vector<std::string> degraded_responses(const std::vector<features::ResponseColumn>& responses,
                                                          const std::vector<FitReport>& reports);

// How a fit and its data are kept in artefacts; arrays stand under the prefix.
[[nodiscard]] core::Json report_json(const FitReport& report);
[[nodiscard]] FitReport report_from_json(const core::Json& json, Eigen::VectorXd theta);
void write_training(const detail::TrainingData& data, const std::string& prefix, Artefact& artefact);
/// @param with_counts scatter and readings of each mean must be there. @throws IntegrityError when something is missing
/// or of the wrong shape.
[[nodiscard]] detail::TrainingData read_training(const Artefact& artefact, const std::string& prefix,
                                                 const features::Encoder& encoder, bool with_counts);

}  // namespace luban::surrogate
