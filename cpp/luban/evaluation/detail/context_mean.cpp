#include <luban/evaluation/detail/context_mean.hpp>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <luban/features/reduction.hpp>
#include <luban/features/robust_weights.hpp>

namespace luban::evaluation::detail {

namespace {

using Combination = std::vector<double>;

/// Mean of the (run, point) means of one combination, and how many there were.
struct Level {
  double mean = 0.0;
  double count = 0.0;
};

struct Response {
  std::map<Combination, Level> levels;
  Level all;
  double spread_inside = 0.0;   ///< variance of the means around their combination's
  double spread_between = 0.0;  ///< variance of all means: what is left for a combination never seen
  double between = 0.0;         ///< of the variance inside, what repeated readings do not explain
  double within = 0.0;
};

std::vector<Eigen::Index> categorical_columns(const features::Encoder& encoder) {
  std::vector<Eigen::Index> out;
  for (Eigen::Index j = 0; j < encoder.p(); ++j) {
    if (!encoder.variables()[static_cast<std::size_t>(j)].is_numeric()) out.push_back(j);
  }
  return out;
}

Combination combination_of(const Eigen::MatrixXd& X, Eigen::Index row, const std::vector<Eigen::Index>& columns) {
  Combination out;
  for (const Eigen::Index j : columns) out.push_back(X(row, j));
  return out;
}

void add(Level& level, double value) {
  level.count += 1.0;
  level.mean += (value - level.mean) / level.count;
}

Response response_of(const features::Dataset& data, Eigen::Index response, const std::vector<Eigen::Index>& columns) {
  const features::Reduction cells = features::reduce(data, response, features::robust_weights(data, response));
  const Eigen::Index u = cells.mean.size();
  Response out;
  for (Eigen::Index i = 0; i < u; ++i) {
    add(out.levels[combination_of(cells.X, i, columns)], cells.mean(i));
    add(out.all, cells.mean(i));
  }
  double inside = 0.0;
  double between = 0.0;
  for (Eigen::Index i = 0; i < u; ++i) {
    const double own = cells.mean(i) - out.levels.at(combination_of(cells.X, i, columns)).mean;
    const double common = cells.mean(i) - out.all.mean;
    inside += own * own;
    between += common * common;
  }
  const auto spare = static_cast<double>(u) - static_cast<double>(out.levels.size());
  const auto repeats = static_cast<double>(cells.n - u);
  out.spread_between = u > 1 ? between / static_cast<double>(u - 1) : 0.0;
  out.spread_inside = spare > 0.0 ? inside / spare : out.spread_between;
  out.within = repeats > 0.0 ? cells.within_ss / repeats : 0.0;
  const double share = cells.weight.cwiseInverse().mean();  // of within-run noise that averaging leaves
  out.between = std::max(out.spread_inside - out.within * share, 0.0);
  return out;
}

class ContextMean final : public surrogate::Surrogate {
 public:
  explicit ContextMean(const features::Dataset& data)
      : encoder_(data.encoder), columns_(data.responses), categorical_(categorical_columns(data.encoder)) {
    for (Eigen::Index r = 0; r < data.m(); ++r) responses_.push_back(response_of(data, r, categorical_));
  }

  std::string kind() const override { return "context_mean"; }
  const features::Encoder& encoder() const noexcept override { return encoder_; }
  const std::vector<features::ResponseColumn>& responses() const noexcept override { return columns_; }

  std::unique_ptr<surrogate::Posterior> posterior(const Eigen::MatrixXd& X,
                                                  const surrogate::PosteriorRequest& request) const override {
    std::vector<surrogate::GaussianPosterior::Moments> out;
    for (const Response& response : responses_) {
      surrogate::GaussianPosterior::Moments moments;
      moments.mean.resize(X.rows());
      moments.variance.resize(X.rows());
      for (Eigen::Index i = 0; i < X.rows(); ++i) {
        const auto seen = response.levels.find(combination_of(X, i, categorical_));
        const bool known = seen != response.levels.end();
        const Level& level = known ? seen->second : response.all;
        moments.mean(i) = level.mean;
        moments.variance(i) = known ? response.spread_inside / level.count : response.spread_between;
      }
      moments.between_variance = Eigen::VectorXd::Constant(X.rows(), response.between);
      moments.within_variance = Eigen::VectorXd::Constant(X.rows(), response.within);
      if (request.joint) moments.covariance = joint(X, moments.variance);
      if (request.gradients) {
        moments.mean_gradient = Eigen::MatrixXd::Zero(X.rows(), encoder_.p());
        moments.variance_gradient = moments.mean_gradient;
      }
      if (request.joint && request.gradients) {
        moments.covariance_gradient = [still = moments.mean_gradient](const Eigen::MatrixXd& /*weights*/) {
          return still;
        };
      }
      out.push_back(std::move(moments));
    }
    return std::make_unique<surrogate::GaussianPosterior>(std::move(out));
  }

 private:
  // Points of one combination share its mean and the doubt about it.
  Eigen::MatrixXd joint(const Eigen::MatrixXd& X, const Eigen::VectorXd& variance) const {
    Eigen::MatrixXd out = variance.asDiagonal();
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      for (Eigen::Index k = 0; k < i; ++k) {
        if (combination_of(X, i, categorical_) != combination_of(X, k, categorical_)) continue;
        out(i, k) = variance(i);
        out(k, i) = variance(i);
      }
    }
    return out;
  }

  features::Encoder encoder_;
  std::vector<features::ResponseColumn> columns_;
  std::vector<Eigen::Index> categorical_;
  std::vector<Response> responses_;
};

}  // namespace

bool has_categories(const features::Encoder& encoder) {
  return !categorical_columns(encoder).empty();
}

std::shared_ptr<const surrogate::Surrogate> fit_context_mean(const features::Dataset& data) {
  return std::make_shared<const ContextMean>(data);
}

}  // namespace luban::evaluation::detail
