// What a person must hear of: messages that were given up, functions that fail, and agents that nobody hears any more.
param name string
param location string
param tags { *: string }
param busId string
param insightsId string

@description('Empty: alarms are only seen in the portal.')
param email string

@description('Whether requests are in Application Insights: those of a Functions host are.')
param watchRequests bool

var actions = empty(email) ? [] : [group.id]

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'fleet'
    enabled: true
    emailReceivers: [
      {
        name: 'email'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource deadLetters 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'dead-letters-${name}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages were given up. GET /api/dead-letters shows them, and sends them again.'
    severity: 1
    enabled: true
    scopes: [busId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'DeadletteredMessages'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Maximum'
        }
      ]
    }
    actions: [for action in actions: {
      actionGroupId: action
    }]
  }
}

var queries = [
  {
    name: 'given-up'
    description: 'An alert could not be sent. GET /api/dead-letters shows it.'
    query: 'traces | where message has "Gave up"'
    operator: 'GreaterThan'
    frequency: 'PT5M'
    window: 'PT5M'
  }
  {
    name: 'failed-invocations'
    description: 'Functions fail: azd monitor --logs says why.'
    query: 'traces | where message startswith "Executed \'Functions." and message has "(Failed"'
    operator: 'GreaterThan'
    frequency: 'PT5M'
    window: 'PT15M'
  }
  {
    name: 'no-check-ins'
    description: 'No agent was heard for an hour.'
    query: 'requests | where name in ("Config", "Log", "DistributedRead", "AgentV1", "AgentFleet", "AgentFleetV1")'
    operator: 'LessThanOrEqual'
    frequency: 'PT15M'
    window: 'PT1H'
  }
]

resource logAlarms 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [for alarm in queries: if (watchRequests) {
  name: '${alarm.name}-${name}'
  location: location
  tags: tags
  properties: {
    displayName: alarm.name
    description: alarm.description
    severity: 2
    enabled: true
    scopes: [insightsId]
    evaluationFrequency: alarm.frequency
    windowSize: alarm.window
    criteria: {
      allOf: [
        {
          query: alarm.query
          timeAggregation: 'Count'
          operator: alarm.operator
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    skipQueryValidation: true
    actions: {
      actionGroups: actions
    }
  }
}]
