// The same program in Azure Container Apps: it takes messages and ticks by itself, so one replica is always there.
param name string
param location string
param tags { *: string }
param identityId string
param identityClientId string
param insightsName string
param workspaceName string
param image string

@description('Consumption, which bills each request, or a dedicated profile such as D4, which does not.')
param profile string

@description('The program\'s own settings.')
param fleetSettings { *: string }

var ownSettings = {
  Fleet__Url: 'http://0.0.0.0:8080'
  Fleet__Certificates__Authorities: ''
  Fleet__Http__AllowPlain: 'true'
  Fleet__Http__TrustedProxies: '10.0.0.0/8,100.64.0.0/10'
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

var settings = [for setting in items(union(fleetSettings, ownSettings)): {
  name: setting.key
  value: setting.value
}]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource managed 'Microsoft.App/managedEnvironments@2025-07-01' = {
  name: 'cae-${name}'
  location: location
  tags: tags
  properties: {
    workloadProfiles: union(
      [
        {
          name: 'Consumption'
          workloadProfileType: 'Consumption'
        }
      ],
      profile == 'Consumption' ? [] : [
        {
          name: profile
          workloadProfileType: profile
          minimumCount: 1
          maximumCount: 3
        }
      ])
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: workspace.properties.customerId
        sharedKey: workspace.listKeys().primarySharedKey
      }
    }
  }
}

resource app 'Microsoft.App/containerApps@2025-07-01' = {
  name: take(name, 32)
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    managedEnvironmentId: managed.id
    workloadProfileName: profile
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        targetPort: 8080
        transport: 'http'
        allowInsecure: false
      }
    }
    template: {
      containers: [
        {
          name: 'fleet'
          image: image
          env: concat(settings, [
            {
              name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
              value: insights.properties.ConnectionString
            }
          ])
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          probes: [
            {
              type: 'Readiness'
              httpGet: {
                path: '/'
                port: 8080
              }
            }
          ]
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 10
        rules: [
          {
            name: 'http'
            http: {
              metadata: { concurrentRequests: '100' }
            }
          }
        ]
      }
    }
  }
}

output url string = 'https://${app.properties.configuration.ingress.fqdn}'
