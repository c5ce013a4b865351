"""A model you already have: only the threshold, from scores of rows it was not fitted to."""

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from costopt import CostMatrix, choose_threshold

X, y = load_breast_cancer(return_X_y=True)
malignant = 1 - y  # in these data 0 is malignant

model = make_pipeline(StandardScaler(), LogisticRegression())
score = cross_val_predict(model, X, malignant, cv=10, method="predict_proba")[:, 1]

# a missed cancer is taken to be as bad as 50 needless biopsies
policy = choose_threshold(malignant, score, CostMatrix(fn=50, fp=1, unit="biopsies"))
print(policy.explain())
print(f"\nIn your service: act when model.predict_proba(x)[:, 1] >= {policy.raw_threshold:.4f}")
policy.save("breast-cancer", overwrite=True)
