#include <algorithm>

#include <luban/surrogate/detail/covariance.hpp>
#include <luban/surrogate/detail/panels.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

void Covariance::Partial::operator+=(const Partial& other) {
  terms += other.terms;
  for (std::size_t f = 0; f < spreads.size(); ++f) {
    spreads[f] += other.spreads[f];
    coordinates[f] += other.coordinates[f];
  }
}

Covariance::Partial Covariance::no_gradient(const Workspace& work) const {
  Partial out{Eigen::VectorXd::Zero(std::ssize(terms_)), {}, {}};
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    const Eigen::MatrixXd& z = work.coordinates.of_factor[f];
    const bool moved = factors_[f]->moves_coordinates() || (warp_ && !factors_[f]->of_categories());
    out.spreads.emplace_back(Eigen::VectorXd::Zero(z.cols()));
    out.coordinates.emplace_back(moved ? Eigen::MatrixXd::Zero(z.rows(), z.cols()) : Eigen::MatrixXd());
  }
  return out;
}

void Covariance::add_panel_gradient(const Eigen::VectorXd& variances, const Workspace& work,
                                    const Eigen::MatrixXd& inverse, const Eigen::VectorXd& alpha, Eigen::Index panel,
                                    Partial& own) const {
  const SimdTable& loops = simd_table();
  const Eigen::Index n = inverse.rows();
  const Eigen::Index first = panel * panel_columns;
  Eigen::VectorXd w(n - first);
  Eigen::VectorXd m(n - first);
  Eigen::VectorXd scratch(n - first);
  Eigen::VectorXd here;
  for (Eigen::Index j = first; j < std::min(first + panel_columns, n); ++j) {
    const Eigen::Index rows = n - j;
    // Twice W below the diagonal: each pair counts for both of its entries.
    auto weight = w.head(rows);
    weight = alpha(j) * alpha.tail(rows) - inverse.col(j).tail(rows);
    weight(0) *= 0.5;
    for (std::size_t t = 0; t < terms_.size(); ++t) {
      const auto at = static_cast<Eigen::Index>(t);
      term_column(terms_[t], none, work.factors, j, variances(at), m.head(rows));
      own.terms(at) += m.head(rows).dot(weight);
    }
    for (std::size_t f = 0; f < factors_.size(); ++f) {
      Eigen::MatrixXd& by_coordinates = own.coordinates[f];
      const bool stationary = factors_[f]->stationary();
      const bool moved = by_coordinates.size() > 0;
      if (!stationary && !moved) continue;
      factor_column(variances, f, work.factors, j, scratch.head(rows), m.head(rows));
      m.head(rows).array() *= weight.array();
      const Eigen::MatrixXd& z = work.coordinates.of_factor[f];
      here = z.row(j).transpose();
      if (stationary) {
        loops.spread(static_cast<std::size_t>(rows), static_cast<std::size_t>(z.cols()), z.data() + j,
                     static_cast<std::size_t>(n), here.data(), m.data(), own.spreads[f].data());
      }
      for (Eigen::Index c = 0; moved && c < z.cols(); ++c) {
        auto below = scratch.head(rows);
        if (stationary) {
          below = 2.0 * m.head(rows).array() * (z.col(c).tail(rows).array() - here(c));
          by_coordinates(j, c) -= below.sum();
        } else {
          const double share = 1.0 / static_cast<double>(z.cols());
          below = (share * here(c)) * m.head(rows);
          by_coordinates(j, c) += share * m.head(rows).dot(z.col(c).tail(rows));
        }
        by_coordinates.col(c).tail(rows) += below;
      }
    }
  }
}

bool Covariance::one_stationary_factor() const {
  return terms_.size() == 1 && terms_.front().factors.size() == 1 && factors_.size() == 1 &&
         factors_.front()->stationary();
}

void Covariance::add_panel_gradient_of_one(double variance, const Workspace& work, const Eigen::MatrixXd& inverse,
                                           const Eigen::VectorXd& alpha, Eigen::Index panel, Partial& own) const {
  const SimdTable& loops = simd_table();
  const Eigen::Index n = inverse.rows();
  const Eigen::Index first = panel * panel_columns;
  const Eigen::MatrixXd& z = work.coordinates.of_factor.front();
  const Eigen::MatrixXd& value = work.factors.front().value;
  const bool own_slope = factors_.front()->own_slope();
  const Eigen::MatrixXd& slope = own_slope ? work.factors.front().slope : value;
  Eigen::VectorXd m(n - first);
  Eigen::VectorXd here;
  for (Eigen::Index j = first; j < std::min(first + panel_columns, n); ++j) {
    const auto rows = static_cast<std::size_t>(n - j);
    own.terms(0) += loops.weigh(rows, alpha(j), alpha.data() + j, &inverse(j, j), &value(j, j), &slope(j, j), m.data());
    here = z.row(j).transpose();
    loops.spread(rows, static_cast<std::size_t>(z.cols()), z.data() + j, static_cast<std::size_t>(n), here.data(),
                 m.data(), own.spreads.front().data());
  }
  own.terms *= variance;
  own.spreads.front() *= own_slope ? variance : -0.5 * variance;
}

void Covariance::add_gradient(const Eigen::VectorXd& theta, const Points& points, const Workspace& work,
                              const Eigen::MatrixXd& inverse, const Eigen::VectorXd& alpha,
                              Eigen::VectorXd& gradient) const {
  const Eigen::Index n = inverse.rows();
  const Eigen::VectorXd variances = this->variances(theta);
  Partial sum = no_gradient(work);
  std::vector<Partial> partial(static_cast<std::size_t>(panel_count(n)), sum);
  const bool one = one_stationary_factor() && sum.coordinates.front().size() == 0;
  for_each_panel(n, [&](Eigen::Index panel) {
    Partial& own = partial[static_cast<std::size_t>(panel)];
    if (one) return add_panel_gradient_of_one(variances(0), work, inverse, alpha, panel, own);
    add_panel_gradient(variances, work, inverse, alpha, panel, own);
  });
  for (const Partial& own : partial) sum += own;
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    gradient(terms_[t].variance) += sum.terms(static_cast<Eigen::Index>(t));
  }
  Points memory;
  const Points& seen = this->seen(theta, points, memory);
  Eigen::MatrixXd by_numeric = Eigen::MatrixXd::Zero(n, layout_.numeric_count());
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    if (factors_[f]->moves_coordinates()) {
      Points chosen;
      factors_[f]->add_gradient_of_coordinates(theta, inputs_of_factor_[f].of(seen, chosen), sum.coordinates[f],
                                               gradient);
    } else {
      factors_[f]->add_gradient_of_spread(theta, sum.spreads[f], gradient);
    }
    if (warp_ && !factors_[f]->of_categories()) {
      add_input_gradient(f, theta, seen, sum.coordinates[f], by_numeric);
    }
  }
  if (warp_) warp_->add_gradient(theta, points, by_numeric, gradient);
}

}  // namespace luban::surrogate::detail
