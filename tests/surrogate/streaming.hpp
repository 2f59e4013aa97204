#pragma once

#include <memory>
#include <string>
#include <vector>

#include <luban/features/reduction.hpp>
#include <luban/surrogate/detail/conditioned.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/presets.hpp>

#include "hand_made.hpp"

namespace luban::surrogate::test {

/// Three levels of noise: 16 runs, two points each, two readings at each.
inline Plan three_levels() {
  return {.variables = {numeric("feed"), numeric("speed"), categorical("material", 2),
                        categorical("position", 3, features::Role::noise)},
          .runs = 16,
          .points = 2,
          .repeats = 2,
          .responses = 2,
          .run_sd = 0.3,
          .reading_sd = 0.1,
          .seed = 4};
}

inline std::shared_ptr<const GaussianProcess> fitted(const features::Dataset& data, const std::string& preset) {
  return GaussianProcess::fit(data, {.preset = preset, .starts = 1, .max_iterations = 10, .robust = false},
                              core::RandomKey(5));
}

/// Some readings of a dataset, its runs kept.
inline features::Dataset readings(const features::Dataset& data, const std::vector<Index>& rows) {
  features::Dataset out = data;
  out.X = data.X(rows, Eigen::all);
  out.Y = data.Y(rows, Eigen::all);
  out.run.clear();
  out.source_row.clear();
  out.repeat.clear();
  for (const Index row : rows) {
    out.run.push_back(data.run[static_cast<std::size_t>(row)]);
    out.source_row.push_back(data.source_row[static_cast<std::size_t>(row)]);
    out.repeat.push_back(data.repeat[static_cast<std::size_t>(row)]);
  }
  return out;
}

inline std::vector<Index> between(Index first, Index end) {
  std::vector<Index> out;
  for (Index i = first; i < end; ++i) out.push_back(i);
  return out;
}

inline VectorXd ones_where_known(const features::Dataset& data, Index response) {
  VectorXd out = VectorXd::Ones(data.n());
  for (Index i = 0; i < data.n(); ++i) {
    if (std::isnan(data.Y(i, response))) out(i) = 0.0;
  }
  return out;
}

/// The plain twin of a surrogate that was fitted to `first` and then changed until it knows `all`: everything reduced
/// and factorised anew, at the hyperparameters, the standardisation and the levels of noise of the fit.
inline std::shared_ptr<const detail::Conditioned> anew(const GaussianProcess& fit, const ModelSpec& model,
                                                       const features::Dataset& first, const features::Dataset& all,
                                                       Index response) {
  const auto covariance = std::make_shared<const detail::Covariance>(model, first.encoder);
  const auto standard = [&](const features::Dataset& data) {
    return detail::standardise(features::reduce(data, response, ones_where_known(data, response)), data.run_ids);
  };
  const detail::TrainingData before = standard(first);
  detail::TrainingData data = standard(all);
  const double ratio = data.scale / before.scale;
  data.y = (data.y * data.scale).array() + data.location - before.location;
  data.y /= before.scale;
  data.scatter *= ratio * ratio;
  data.within_ss *= ratio * ratio;
  data.location = before.location;
  data.scale = before.scale;
  const detail::NoiseLevelsPresent present = detail::LogPosterior(model, covariance, before).present();
  const auto target = std::make_shared<const detail::LogPosterior>(model, covariance, data, present);
  const VectorXd& theta = fit.reports()[static_cast<std::size_t>(response)].hyperparameters;
  return std::make_shared<const detail::Conditioned>(target, theta);
}

inline std::shared_ptr<const detail::Conditioned> anew(const GaussianProcess& fit, const features::Dataset& first,
                                                       const features::Dataset& all, Index response) {
  const Index numeric = static_cast<Index>(first.encoder.columns_of(features::Role::parameter).size());
  return anew(fit, preset(fit.preset(), numeric, first.encoder.p() - numeric).model, first, all, response);
}

/// Largest difference of latent moments at 30 points, in units of the response's spread there.
inline double difference(const GaussianProcess& changed, const detail::Conditioned& twin, Index response) {
  const MatrixXd X = random_inputs(changed.encoder(), 30, 77);
  const auto posterior = changed.posterior(X, {.joint = true});
  const GaussianPosterior::Moments moments = twin.moments(X, {.joint = true});
  const double unit = twin.target().data().scale;
  const double mean = (posterior->mean().col(response) - moments.mean).cwiseAbs().maxCoeff() / unit;
  const MatrixXd covariance = posterior->covariance(response, VarianceOf::latent) - moments.covariance;
  return std::max(mean, covariance.cwiseAbs().maxCoeff() / (unit * unit));
}

}  // namespace luban::surrogate::test
