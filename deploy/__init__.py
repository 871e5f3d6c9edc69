"""From a folder with a model to a SageMaker endpoint, and back to nothing: `python -m deploy`.

From the top down; imports go down only. Neither torch nor flask is needed, and of `container` only what needs neither.

cli, __main__       the group of all commands, their common options and how they end
commands/           one file a command group; every public file is found and must hold `command`, a click command
endpoint_options    the options that describe an endpoint, as a Hosting     options     those that several commands have
launch              a plan brought about: what is missing is made, what is there is kept
preflight           what is known to go wrong, found out before anything is made
hosting             Hosting → Plan: parameters of SageMaker's calls, named by what they say
rollout, alarms     how an update reaches the instances, and what makes it go back
sweep               what belongs to a deployment, found by tag, in the order in which it can be deleted
upload              a model to S3               buckets  there, in the region?   endpoints   their statuses
places              S3 keys, names of roles and images                      gpu         instances, drivers, CUDA
autoscaler          the parts of an endpoint's autoscaling                  scaling     the same as parameters
costs               sums from prices.toml                                   ledger      what an async endpoint was sent
asking              what is asked about every picture, and the answer       pictures    in folders and in S3
concurrency         the same for many pictures at a time                    answers     a folder of answers
runtime             SageMaker Runtime: what is asked again, what went wrong s3          s3://bucket/key
settings            maskserve.toml as click's default_map
ensure              make it, change it, or leave it: says which             waits       watch a status until it settles
aws                 Aws: clients, account, messages; what a command gets
recorder            --dry-run: changes are printed, not made                names       AWS's own rules for values
tags, errors        usable everywhere

How a command is written (commands/NAME.py, found by its name):

    @click.group(name="multi-model")                    # or @click.command: the file's `command` is what counts
    def command() -> None:
        '''Several models behind one endpoint.'''

    @command.command()
    @options.name                                       # name: str, the deployment; it is the endpoint's name too
    @options.wait                                       # wait: bool
    @pass_aws                                           # from deploy.aws; comes first among the arguments
    def create(aws: Aws, name: str, wait: bool) -> None:
        sagemaker = aws.client("sagemaker")             # a boto3 client; use it as boto3's documentation says
        ensure(aws, Resource("model", name, find=…, wanted=…, create=…))
        waits.wait(aws, f"endpoint {name}", describe, good={"InService"}, …)
        aws.say("…")                                    # progress and changes: standard error
        click.echo(uri)                                 # results: standard output

- `aws.find(client.describe_model, ModelName=name)` is the answer, or None where there is no such thing.
- With --dry-run every call that changes something is printed as a line of JSON and not made; its answer is filled with
  placeholders, so commands need no branch for it. Reads are made where AWS takes the credentials; else nothing
  exists yet. `aws.run([...])` does the same for other programs; `waits.wait` returns at once.
- Whatever can be tagged carries `tags.of(name)`, so that `destroy` finds it. Give it to `aws.made(kind, name)` where
  `ensure` is not used: what a failing command leaves behind is then said.
- Errors: raise `errors.DeployError(text)`; boto3's own are turned into one sentence by `cli`.
"""
