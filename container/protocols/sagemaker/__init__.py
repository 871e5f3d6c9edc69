"""SageMaker's hosting contract, and the runtime API that boto3 and the AWS CLI speak."""
