#include <luban/recommend/propose.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/rows.hpp>
#include <luban/recommend/log_expected_improvement.hpp>

namespace luban::recommend {
namespace {

constexpr Eigen::Index most_measured_starts = 3;

void check(const Eigen::MatrixXd& X, const Eigen::VectorXd& Y, const Eigen::MatrixXd& bounds) {
  const auto refuse = [](const std::string& expected, const std::string& received) {
    throw core::DataError(
        {.where = "recommend.propose", .expected = expected, .received = received, .place = {}, .hint = {}});
  };
  const auto shape = [](Eigen::Index rows, Eigen::Index columns) {
    return "(" + std::to_string(rows) + ", " + std::to_string(columns) + ")";
  };
  if (X.rows() == 0 || X.cols() == 0) refuse("X of shape (n, d), neither 0", shape(X.rows(), X.cols()));
  if (Y.size() != X.rows())
    refuse("as many values in Y as rows in X, " + std::to_string(X.rows()), std::to_string(Y.size()));
  if (bounds.rows() != 2 || bounds.cols() != X.cols()) {
    refuse("bounds of shape " + shape(2, X.cols()), shape(bounds.rows(), bounds.cols()));
  }
  if (!X.allFinite() || !Y.allFinite() || !bounds.allFinite()) refuse("finite numbers", "NaN or infinity");
  if (!(bounds.row(0).array() < bounds.row(1).array()).all()) refuse("low < high in every column of bounds", "not so");
}

process::SearchSpace box(const features::Encoder& encoder) {
  process::SearchSpace space;
  for (const features::EncodedVariable& variable : encoder.variables()) {
    process::Parameter parameter;
    parameter.name = variable.name;
    parameter.low = variable.low;
    parameter.high = variable.high;
    space.parameters.push_back(std::move(parameter));
  }
  return space;
}

/// The point of largest log expected improvement once the believed points have been measured.
SearchResult propose_one(const std::shared_ptr<const surrogate::Surrogate>& fitted, const SearchRegion& region,
                         const Eigen::MatrixXd& known, const Eigen::MatrixXd& believed, const ProposeOptions& options,
                         core::RandomKey key, const core::CallControl& control) {
  const Utility utility{0, options.maximize ? process::Goal::maximize : process::Goal::minimize, 0.0};
  Eigen::VectorXd utilities = fitted->posterior(known)->mean().col(0);
  for (double& value : utilities) value = utility.of(value);
  const std::vector<Eigen::Index> best = detail::largest(utilities, most_measured_starts);
  std::shared_ptr<const surrogate::Surrogate> surrogate = fitted;
  if (believed.rows() > 0) surrogate = std::make_shared<ConditionedSurrogate>(fitted, believed);
  const SurrogateLandscape landscape({std::move(surrogate),
                                      std::make_shared<LogExpectedImprovement>(utility, utilities(best.front())),
                                      {},
                                      Eigen::MatrixXd(0, known.cols()),
                                      0.0});
  return search(region, landscape, known(best, Eigen::all), options.search, key, control);
}

}  // namespace

features::Dataset array_dataset(const Eigen::MatrixXd& X, const Eigen::VectorXd& Y, const Eigen::MatrixXd& bounds) {
  check(X, Y, bounds);
  std::vector<features::EncodedVariable> variables;
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    features::EncodedVariable variable;
    variable.name = "x" + std::to_string(j + 1);
    variable.low = bounds(0, j);
    variable.high = bounds(1, j);
    variables.push_back(std::move(variable));
  }
  features::Dataset data;
  data.encoder = features::Encoder(std::move(variables));
  const Eigen::RowVectorXd low = bounds.row(0);
  const Eigen::RowVectorXd width = bounds.row(1) - bounds.row(0);
  data.X = (X.rowwise() - low).array().rowwise() / width.array();
  data.Y = Y;
  data.responses = {{"y", ""}};
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const auto run = static_cast<std::int32_t>(i);
    data.run.push_back(run);
    data.run_ids.push_back(std::to_string(i));
    data.group.push_back(run);
    data.group_labels.push_back(std::to_string(i));
    data.run_time.push_back(std::numeric_limits<std::int64_t>::min());
    data.source_row.push_back(i);
    data.repeat.push_back(0);
  }
  return data;
}

Proposed propose(const Eigen::MatrixXd& X, const Eigen::VectorXd& Y, const Eigen::MatrixXd& bounds, int q,
                 const surrogate::SurrogateFactory& factory, const ProposeOptions& options, core::RandomKey key,
                 const core::CallControl& control) {
  if (q < 1 || q > 100) {
    throw core::ConfigurationError({.where = "recommend.propose",
                                    .expected = "1 to 100 points",
                                    .received = std::to_string(q),
                                    .place = {},
                                    .hint = {}});
  }
  const features::Dataset data = array_dataset(X, Y, bounds);
  control.report({"fit", 0, q + 1});
  const std::shared_ptr<const surrogate::Surrogate> fitted = factory(data, key.child("fit"), control);
  const SearchRegion region = SearchRegion::make(fitted->encoder(), box(data.encoder), {});
  // Incumbent and starts: the best posterior means among the measured points inside the bounds.
  Eigen::MatrixXd known(0, data.p());
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    if (region.contains(data.X.row(i).transpose())) detail::append_row(known, data.X.row(i).transpose());
  }
  const Eigen::VectorXd low = bounds.row(0).transpose();
  const Eigen::VectorXd high = bounds.row(1).transpose();
  Proposed result{Eigen::MatrixXd(q, X.cols()), Eigen::VectorXd(q), Eigen::VectorXd(q), Eigen::VectorXd(q)};
  Eigen::MatrixXd believed(0, X.cols());
  for (int i = 0; i < q; ++i) {
    control.report({"propose", i + 1, q + 1});
    const SearchResult found = propose_one(fitted, region, known.rows() > 0 ? known : data.X, believed, options,
                                           key.child("search").child(static_cast<std::uint64_t>(i)), control);
    const auto posterior = fitted->posterior(found.x.transpose());
    result.X.row(i) = (low + found.x.cwiseProduct(high - low)).cwiseMin(high).transpose();
    result.mean(i) = posterior->mean()(0, 0);
    result.sd(i) = std::sqrt(posterior->variance(surrogate::VarianceOf::latent)(0, 0));
    result.acquisition(i) = found.value;
    detail::append_row(believed, found.x);
    detail::append_row(known, found.x);
  }
  return result;
}

}  // namespace luban::recommend
